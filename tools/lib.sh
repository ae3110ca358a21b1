# Shared by tools/run, tools/test and .ci/run; sourced, never run.
# shellcheck shell=bash

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)

say() { printf '%s\n' "$*"; }

die() {
  printf '%s: %s\n' "$(basename "$0")" "$1" >&2
  exit "${2:-1}"
}

# A compiler of gRPC code takes up to 1.5 GB: as many at once as there are
# cores, but no more than memory allows.
build_jobs() {
  local cores memory_mib
  cores=$(nproc)
  memory_mib=$(awk '/^MemAvailable:/ {print int($2 / 1024)}' /proc/meminfo)
  local fit=$((memory_mib / 1536))
  ((fit >= 1)) || fit=1
  if ((fit < cores)); then echo "$fit"; else echo "$cores"; fi
}

# configure PRESET: quiet unless it fails.
configure() {
  local output
  if ! output=$(cd "$root" && cmake --preset "$1" 2>&1); then
    printf '%s\n' "$output" >&2
    die "cmake could not configure the preset $1"
  fi
}

# build PRESET [TARGET...]
build() {
  local preset=$1
  shift
  local arguments=(--build --preset "$preset" --parallel "$(build_jobs)")
  (($# == 0)) || arguments+=(--target "$@")
  (cd "$root" && cmake "${arguments[@]}") ||
    die "the build of the preset $preset failed"
}

# install_node_packages puts what tools/package-lock.json says, and nothing
# else, into tools/node_modules. No package's own script is run.
install_node_packages() {
  local lock=$root/tools/package-lock.json
  local stamp=$root/tools/node_modules/.latchkey-lock
  if [[ -f $stamp ]] && cmp -s "$lock" "$stamp"; then return; fi
  say "installing the node packages of tools/package.json"
  (cd "$root/tools" && npm ci --ignore-scripts --no-audit --no-fund \
    --loglevel=error </dev/null) || die "npm ci failed in tools/"
  cp "$lock" "$stamp"
}
