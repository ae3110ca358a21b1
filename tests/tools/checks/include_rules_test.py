"""Plants one breach at a time and looks for it."""

import os
import subprocess
import sys
import tempfile
import unittest

CHECK = os.path.join(os.path.dirname(__file__),
                     "../../../tools/checks/include_rules.py")

GUARD = "#ifndef {0}\n#define {0}\n{1}\n#endif  // {0}\n"


class IncludeRules(unittest.TestCase):

    def check(self, files):
        """Returns the check's exit code and output over a tree of `files`."""
        with tempfile.TemporaryDirectory() as root:
            for path, text in files.items():
                path = os.path.join(root, path)
                os.makedirs(os.path.dirname(path), exist_ok=True)
                with open(path, "w", encoding="utf-8") as file:
                    file.write(text)
            done = subprocess.run([sys.executable, CHECK, root],
                                  stdout=subprocess.PIPE, check=False)
            return done.returncode, done.stdout.decode()

    def refuses(self, path, text, words):
        code, output = self.check({path: text})
        self.assertEqual(code, 1, output)
        self.assertIn(path + ": ", output)
        self.assertIn(words, output)

    def allows(self, path, text):
        self.assertEqual(self.check({path: text}), (0, ""))

    def test_downhill_is_allowed(self):
        self.allows("server/auth/authority.cc",
                    '#include <string>\n#include "absl/time/time.h"\n'
                    '#include "client/base/clock.h"\n'
                    '#include "server/auth/authority.h"\n'
                    '#include "server/session/session.h"\n')

    def test_uphill_is_refused(self):
        self.refuses("server/session/session.cc",
                     '#include "server/auth/authority.h"\n',
                     "server/session may not include server/auth")

    def test_a_neighbour_is_refused(self):
        self.refuses("server/account/account.cc",
                     '#include "server/session/session.h"\n',
                     "server/account may not include server/session")

    def test_storage_is_hidden_from_the_verbs(self):
        self.refuses("server/auth/authority.cc",
                     '#include "server/storage/database.h"\n',
                     "server/auth may not include server/storage")

    def test_nobody_includes_tests(self):
        self.refuses("server/auth/authority.cc",
                     '#include "tests/support/fake_clock.h"\n',
                     "server/auth may not include tests")

    def test_tests_include_every_room(self):
        self.allows("tests/server/auth/authority_test.cc",
                    '#include "server/storage/database.h"\n'
                    '#include "tests/support/fake_clock.h"\n')

    def test_an_unknown_room_is_refused(self):
        self.refuses("server/attic/box.cc", "", "lies in no room")
        self.refuses("server/auth/authority.cc",
                     '#include "server/attic/box.h"\n', "what is no room")

    def test_rocksdb_stays_in_storage(self):
        self.allows("server/storage/rocks_db.cc",
                    '#include "rocksdb/db.h"\n')
        self.refuses("server/main.cc", "#include <rocksdb/db.h>\n", "RocksDB")
        self.refuses("tests/server/auth/a_test.cc",
                     '#include "rocksdb/db.h"\n', "RocksDB")

    def test_grpc_stays_at_the_edge(self):
        for included in ["grpcpp/grpcpp.h", "grpc/grpc.h",
                         "latchkey/v1/auth.pb.h",
                         "latchkey/v1/auth.grpc.pb.h"]:
            line = '#include "%s"\n' % included
            self.allows("server/rpc/auth_service.cc", line)
            self.allows("server/main.cc", line)
            self.allows("tools/latchkey/login.cc", line)
            self.refuses("server/auth/authority.cc", line, "gRPC")
            self.refuses("client/verify/jws.cc", line, "gRPC")

    def test_openssl_stays_at_keys(self):
        self.allows("client/verify/jws.cc", '#include "openssl/evp.h"\n')
        self.allows("server/credential/sealer.cc",
                    "#include <openssl/evp.h>\n")
        self.refuses("server/rpc/auth_service.cc",
                     "  #  include <openssl/evp.h>\n", "OpenSSL")

    def test_the_header_of_a_file_comes_first(self):
        guarded = GUARD.format("LATCHKEY_SERVER_AUTH_LOGIN_H_", "")
        own, other = '#include "server/auth/login.h"\n', "#include <string>\n"
        header = {"server/auth/login.h": guarded}
        self.assertEqual(
            self.check(header | {"server/auth/login.cc": own + other}), (0, ""))
        for text in (other + own, other, ""):
            code, output = self.check(header | {"server/auth/login.cc": text})
            self.assertEqual(code, 1)
            self.assertIn("before anything else", output)

    def test_guards_are_spelled_by_path(self):
        path = "server/session/session_cache.h"
        self.allows(path, GUARD.format(
            "LATCHKEY_SERVER_SESSION_SESSION_CACHE_H_", ""))
        self.refuses(path, GUARD.format("LATCHKEY_SESSION_CACHE_H_", ""),
                     "LATCHKEY_SERVER_SESSION_SESSION_CACHE_H_")
        self.refuses(path, "#pragma once\n", "guard")

    def test_the_project_itself_has_none(self):
        root = os.path.join(os.path.dirname(CHECK), "../..")
        done = subprocess.run([sys.executable, CHECK, root],
                              stdout=subprocess.PIPE, check=False)
        self.assertEqual(done.stdout.decode(), "")
        self.assertEqual(done.returncode, 0)


if __name__ == "__main__":
    unittest.main()
