#!/usr/bin/env python3
"""Holds the include rules: who may include whom, which foreign library stays
in which room, what comes first, and how header guards are spelled.

usage: include_rules.py ROOT    prints each breach, exits 1 if there is one
"""

import os
import re
import sys

# What each room may include besides itself. A room is a folder with the files
# that lie in it itself. Includes go downhill only: see server/DESIGN.md.
BASES = {"client/base", "server/base"}
CLIENT = {"client/base", "client/verify", "client/follow"}
NOUNS = {"server/account", "server/credential", "server/session"}
ROOMS = {
    "client/base": set(),
    "client/verify": {"client/base"},
    "client/follow": {"client/base", "client/verify"},
    # What other services link: it speaks gRPC, what it stands on does not.
    "client": CLIENT,
    "client/agent": CLIENT | {"client"},
    "client/examples": CLIENT | {"client"},
    "server/base": {"client/base"},
    "server/account": BASES,
    "server/credential": BASES | {"client/verify"},
    "server/session": BASES | {"client/verify"},
    "server/storage": BASES | NOUNS | {"client/verify"},
    "server/auth": BASES | NOUNS | {"client/verify"},
    "server/rpc": BASES | NOUNS | {"client/verify", "server/auth"},
    "server/http": BASES,
    # main.cc wires everything; included by nobody.
    "server": BASES | NOUNS
    | {"client/verify", "server/storage", "server/auth", "server/rpc",
       "server/http"},
    "tools/jwt_verify": {"client/base", "client/verify"},
    "tools/latchkey": {"client", "client/base", "client/verify",
                       "tools/jwt_verify"},
    # It seeds what it measures, and makes tokens as the server does.
    "tools/bench": BASES | NOUNS
    | {"client", "client/follow", "client/verify", "server/storage", "server"},
}

# Tests may include every room, and are included by none.
TESTS = "tests"

# Where a foreign library's headers may be included: (pattern, library, places).
# A place is a file, a folder with all below it, or, FOLDER/*, what lies in it.
FOREIGN = [
    (r"rocksdb/", "RocksDB",
     ["server/storage", "tests/server/storage", "tests/crash"]),
    (r"grpc/|grpc\+\+/|grpcpp/|.*\.pb\.h$", "gRPC and generated messages",
     ["client/*", "client/agent", "client/examples", "server/rpc",
      "server/main.cc", "tools", "tests"]),
    (r"openssl/", "OpenSSL",
     ["client/verify", "server/credential", "tools/bench", "tests/client/verify",
      "tests/server/credential"]),
    (r"nghttp2/", "nghttp2", ["tools/bench", "tests/tools/bench"]),
    (r"microhttpd\.h$", "libmicrohttpd", ["server/http"]),
]

INCLUDE = re.compile(r'^\s*#\s*include\s*[<"]([^">]+)[">]', re.MULTILINE)
TOP_FOLDERS = ("client", "server", "tools", TESTS)
SKIPPED = {"node_modules", "__pycache__"}


def sources(root):
    """Yields the paths of our C++ files below `root`, relative to it."""
    for top in TOP_FOLDERS:
        for folder, folders, files in os.walk(os.path.join(root, top)):
            folders[:] = [f for f in folders if f not in SKIPPED]
            for name in files:
                if name.endswith((".h", ".cc")):
                    yield os.path.relpath(os.path.join(folder, name), root)


def is_under(path, place):
    if place.endswith("/*"):
        return os.path.dirname(path) == place[:-2]
    return path == place or path.startswith(place + "/")


def room_of(path):
    """Returns the room that `path` lies in, or None."""
    if is_under(path, TESTS):
        return TESTS
    folder = os.path.dirname(path)
    return folder if folder in ROOMS else None


def guard_of(path):
    return "LATCHKEY_" + re.sub(r"[^A-Za-z0-9]", "_", path).upper() + "_"


def breaches_of_include(path, included):
    for pattern, library, places in FOREIGN:
        if re.match(pattern, included):
            if not any(is_under(path, place) for place in places):
                yield "%s does not belong here: %s" % (library, included)
            return
    if not included.startswith(tuple(top + "/" for top in TOP_FOLDERS)):
        return
    room, target = room_of(path), room_of(included)
    if room == TESTS or room == target:
        return
    if target not in ROOMS.get(room, ()):
        yield "%s may not include %s: %s" % (room, target or "what is no room",
                                             included)


def breach_of_order(root, path, text):
    """A .cc shows that its header compiles alone, by including it first."""
    header = path[:-len(".cc")] + ".h"
    if not os.path.exists(os.path.join(root, header)):
        return
    first = INCLUDE.search(text)
    if not first or first.group(1) != header:
        yield "must include %s before anything else" % header


def breaches(root):
    """Yields (path, what is wrong) for every breach below `root`."""
    for path in sorted(sources(root)):
        with open(os.path.join(root, path), encoding="utf-8") as file:
            text = file.read()
        if room_of(path) is None:
            yield path, "lies in no room that the table of rooms knows"
            continue
        for included in INCLUDE.findall(text):
            for breach in breaches_of_include(path, included):
                yield path, breach
        if path.endswith(".cc"):
            for breach in breach_of_order(root, path, text):
                yield path, breach
        if path.endswith(".h"):
            guard = guard_of(path)
            if not re.search(r"^#ifndef %s\n#define %s\n" % (guard, guard),
                             text, re.MULTILINE):
                yield path, "has not the guard " + guard


def main(arguments):
    if len(arguments) != 1:
        print(__doc__, file=sys.stderr)
        return 2
    found = list(breaches(arguments[0]))
    for path, what in found:
        print("%s: %s" % (path, what))
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
