#!/usr/bin/env bash
# usage: tools/demo.sh LATCHKEYD LATCHKEY
# A full round trip on a server of its own, which is gone afterwards. Ends with
# 0 if every step did what it should.
set -euo pipefail
# shellcheck source=tools/lib.sh
. "$(dirname "$0")/lib.sh"

(($# == 2)) || die "usage: tools/demo.sh LATCHKEYD LATCHKEY" 2
latchkeyd=$1
latchkey=$2
# What the caller's shell has set for a server of theirs is not for this one.
unset "${!LATCHKEY_@}"
work=$(mktemp -d "${TMPDIR:-/tmp}/latchkey-demo.XXXXXX")
server=''

end() {
  local code=$?
  [[ -z $server ]] || kill -KILL "$server" 2>/dev/null || true
  if ((code != 0)) && [[ -s $work/log ]]; then
    say "the server's log ends with:" >&2
    tail -n 20 "$work/log" >&2
  fi
  rm -rf "$work"
}
trap end EXIT
trap 'exit 130' INT TERM

step=0
say_step() { printf '\n%d. %s\n' "$((++step))" "$*"; }

start_server() {
  local line
  exec 3< <(exec "$latchkeyd" --data_dir "$work/data" \
    --master_key_file "$work/master.key" --listen 127.0.0.1:0 2>>"$work/log")
  server=$!
  IFS= read -r line <&3 || die "the server did not start"
  [[ $line =~ ^latchkeyd\ ready:\ listen=([^ ]+)\ admin=(.+)$ ]] ||
    die "the server said: $line"
  address=${BASH_REMATCH[1]}
  admin=${BASH_REMATCH[2]}
  say "   latchkeyd listens on $address, and for administration on $admin"
}

stop_server() {
  kill -TERM "$server"
  wait "$server" || die "the server did not end cleanly"
  server=''
  exec 3<&-
}

public() { "$latchkey" --server "$address" "$@"; }
administer() { "$latchkey" --server "$admin" "$@"; }
indent() { sed 's/^/   /'; }

# shorten FILE: enough of a credential to recognise it, too little to use it.
shorten() {
  local text
  text=$(<"$1")
  say "${text:0:12}... (${#text} characters)"
}

expect_inactive() {
  local code=0
  public validate --credential-file "$1" | indent || code=$?
  ((code == 1)) || die "a credential that has ended validated with $code"
}

say_step "Start a server on an empty directory"
start_server

say_step "Make the account alice, over the admin socket"
password=$(head -c 24 /dev/urandom | base64)
printf '%s' "$password" |
  administer account create alice --role admin --password-stdin | indent

say_step "Log in and get an opaque credential"
printf '%s' "$password" | public login alice --password-stdin \
  --device laptop --credential-file "$work/opaque" | indent
say "   credential    $(shorten "$work/opaque")"

say_step "Is it good?"
public validate --credential-file "$work/opaque" | indent

say_step "Log in again and get a JWT, with a credential to refresh it"
printf '%s' "$password" | public login alice --password-stdin --jwt \
  --device phone --credential-file "$work/jwt" --refresh-file "$work/refresh" |
  indent
say "   credential    $(shorten "$work/jwt")"
say "   refresh       $(shorten "$work/refresh")"

say_step "Is the JWT good? Asked of the server"
public validate --credential-file "$work/jwt" | indent

say_step "And by the public keys alone, without the server"
public key jwks >"$work/jwks.json"
issuer=$(administer info | sed -n 's/^issuer *//p')
"$latchkey" jwt verify --jwks "$work/jwks.json" --issuer "$issuer" \
  --audience "$issuer" <"$work/jwt" | indent

say_step "Refresh: another JWT of the same session"
public refresh --refresh-file "$work/refresh" --credential-file "$work/jwt" |
  indent
public validate --credential-file "$work/jwt" >/dev/null
say "   credential    $(shorten "$work/jwt")"

say_step "Alice's sessions"
administer session list alice | indent

say_step "Log the laptop out; its credential is refused from then on"
public logout --credential-file "$work/opaque" | indent
expect_inactive "$work/opaque"

say_step "Restart the server: the phone is still logged in, the laptop is not"
stop_server
start_server
public validate --credential-file "$work/jwt" | indent
expect_inactive "$work/opaque"

say_step "Stop"
stop_server
printf '\n%s\n' "The demo has ended well; nothing of it is left."
