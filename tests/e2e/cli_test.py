"""The command line latchkey: every command, its exit codes and its JSON."""

import json
import os
import pty
import shutil
import signal
import subprocess
import tempfile
import termios
import unittest

import harness

YES, NO, USAGE, NO_ANSWER = 0, 1, 2, 3


class Cli(harness.DaemonTest):

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.password = cls.daemon.create_account("alice", roles=["admin"])

    def setUp(self):
        self.directory = tempfile.mkdtemp(prefix="latchkey-e2e.")
        self.addCleanup(shutil.rmtree, self.directory)

    def path(self, name):
        return os.path.join(self.directory, name)

    def cli(self, code, *arguments, **options):
        """Runs latchkey, which must end with `code`."""
        done = self.run_cli(*arguments, **options)
        self.assertEqual(done.code, code, done.out + done.err)
        return done

    def cli_json(self, code, *arguments, **options):
        return json.loads(self.cli(code, "--json", *arguments, **options).out)

    def login(self, *arguments):
        done = self.cli(YES, "login", "alice", "--password-stdin",
                        "--credential-only", *arguments,
                        stdin=self.password.encode() + b"\n")
        return self.daemon.secrets.credential(done.out.strip())

    # Accounts.

    def test_the_life_of_an_account(self):
        first = self.daemon.secrets.password("the first password")
        second = self.daemon.secrets.password("the second password")
        made = self.cli_json(YES, "account", "create", "bob", "--role", "b",
                             "--role", "a", "--password-stdin", admin=True,
                             stdin=first.encode())
        self.assertEqual(made["account"]["name"], "accounts/bob")
        self.assertEqual(made["account"]["roles"], ["a", "b"])
        shown = self.cli(YES, "account", "show", "bob", admin=True).out
        self.assertRegex(shown, r"(?m)^state +enabled$")
        self.assertRegex(shown, r"(?m)^roles +a b$")
        listed = self.cli(YES, "account", "list", admin=True).out
        self.assertRegex(listed, r"\AACCOUNT +STATE +ROLES +CREATED\n")
        self.assertRegex(listed, r"(?m)^accounts/bob +enabled +a b ")

        self.cli(YES, "account", "set-password", "bob", "--password-stdin",
                 admin=True, stdin=second.encode())
        self.cli(NO, "login", "bob", "--password-stdin", stdin=first.encode())
        login = ("login", "bob", "--password-stdin", "--credential-file",
                 self.path("bob"))
        self.cli(YES, *login, stdin=second.encode())

        self.cli(YES, "account", "update", "bob", "--no-roles", admin=True)
        self.assertNotIn("roles", self.cli(YES, "account", "show", "bob",
                                           admin=True).out)
        self.cli(NO, "validate", "--credential-file", self.path("bob"))
        self.cli(YES, "account", "update", "bob", "--role", "c", admin=True)

        self.cli(YES, "account", "disable", "bob", admin=True)
        self.cli(NO, *login, stdin=second.encode())
        self.assertTrue(self.cli_json(YES, "account", "show", "accounts/bob",
                                      admin=True)["account"]["disabled"])
        self.cli(YES, "account", "enable", "bob", admin=True)
        self.cli(YES, *login, stdin=second.encode())
        self.cli(YES, "account", "delete", "bob", admin=True)
        self.cli(NO, "account", "show", "bob", admin=True)

    def test_lists_go_past_a_page(self):
        daemon = harness.start_daemon(self)
        for i in range(103):
            daemon.create_account("user%03d" % i)
        listed = harness.run_cli(daemon, "--json", "account", "list",
                                 admin=True)
        names = [a["name"] for a in json.loads(listed.out)["accounts"]]
        self.assertEqual(names, ["accounts/user%03d" % i for i in range(103)])

    # Credentials.

    def test_an_opaque_round_trip(self):
        credential = self.login("--device", "laptop")
        stdin = credential.encode()
        done = self.cli(YES, "validate", "--credential-stdin", stdin=stdin)
        self.assertRegex(done.out, r"(?m)^account +accounts/alice$")
        self.assertRegex(done.out, r"(?m)^device +laptop$")
        self.assertNotIn(credential, done.out + done.err)
        answer = self.cli_json(YES, "validate", "--credential-stdin",
                               stdin=stdin)
        self.assertIs(answer["active"], True)
        self.assertEqual(answer["session"]["client"]["device_label"],
                         "laptop")
        done = self.cli(YES, "logout", "--credential-stdin", stdin=stdin)
        self.assertRegex(done.out, r"\Aended +1\n\Z")
        done = self.cli(NO, "validate", "--credential-stdin", stdin=stdin)
        self.assertEqual(done.out, "inactive\n")
        # The operator is told why, as far as that is known.
        done = self.cli(NO, "validate", "--credential-stdin", stdin=stdin,
                        admin=True)
        self.assertEqual(done.out, "inactive: unknown\n")
        answer = self.cli_json(NO, "validate", "--credential-stdin",
                               stdin=stdin)
        self.assertIs(answer["active"], False)
        self.assertEqual(self.cli_json(YES, "logout", "--credential-stdin",
                                       stdin=stdin)["ended_count"], 0)

    def test_a_jwt_round_trip_with_files(self):
        token, refresh = self.path("jwt"), self.path("refresh")
        done = self.cli(YES, "login", "alice", "--password-stdin", "--jwt",
                        "--credential-file", token, "--refresh-file", refresh,
                        stdin=self.password.encode())
        first, first_refresh = self.read(token), self.read(refresh)
        self.assertEqual(first.count("."), 2)
        self.assertTrue(first_refresh.startswith("lkr_"))
        for secret in (first, first_refresh):
            self.assertNotIn(secret, done.out + done.err)
        for path in (token, refresh):
            self.assertEqual(os.stat(path).st_mode & 0o777, 0o600)
        self.cli(YES, "validate", "--credential-file", token)
        self.cli(YES, "refresh", "--refresh-file", refresh,
                 "--credential-file", token)
        self.assertTrue(self.read(refresh).startswith("lkr_"))
        self.assertNotEqual(self.read(token), first)
        self.cli(YES, "validate", "--credential-file", token)
        only = self.cli(YES, "refresh", "--credential-only",
                        "--credential-stdin", stdin=first_refresh.encode())
        self.daemon.secrets.credential(only.out.strip())
        self.assertRegex(only.out, r"\A[\w.-]+\n\Z")
        self.cli(YES, "logout", "--credential-file", token)
        self.cli(NO, "validate", "--credential-file", token)
        done = self.cli(NO, "refresh", "--refresh-file", refresh)
        self.assertIn("UNAUTHENTICATED REFRESH_REFUSED", done.err)

    def read(self, path):
        with open(path, encoding="ascii") as file:
            return self.daemon.secrets.credential(file.read().strip())

    def test_json_of_a_login_has_everything(self):
        answer = self.cli_json(YES, "login", "alice", "--password-stdin",
                               "--jwt", "--audience", "billing", "--audience",
                               "mail", "--ttl", "1h",
                               stdin=self.password.encode())
        self.daemon.secrets.credential(answer["credential"])
        self.daemon.secrets.credential(answer["refresh_credential"])
        self.assertEqual(answer["session"]["audiences"], ["billing", "mail"])
        self.assertEqual(answer["session"]["amr"], ["pwd"])
        environment = {"LATCHKEY_CREDENTIAL": answer["credential"]}
        self.cli(YES, "validate", "--audience", "mail",
                 environment=environment)
        self.cli(NO, "validate", "--audience", "other",
                 environment=environment)
        self.cli(NO, "validate", environment=environment)
        self.cli(NO, "validate", "--audience", "mail", "--max-auth-age",
                 "1ms", environment=environment)
        self.cli(YES, "validate", "--audience", "mail", "--at-least-as-fresh",
                 self.daemon.login("alice", self.password).revision.token,
                 environment=environment)
        self.cli(YES, "refresh", environment={
            "LATCHKEY_REFRESH_CREDENTIAL": answer["refresh_credential"]})

    def test_logout_scopes(self):
        password = self.daemon.create_account("scopes")
        credentials = [self.daemon.login("scopes", password).credential
                       for _ in range(3)]
        for scope, ended in (("others", 2), ("all", 1)):
            answer = self.cli_json(YES, "logout", "--credential-stdin",
                                   "--scope", scope,
                                   stdin=credentials[0].encode())
            self.assertEqual(answer["ended_count"], ended)

    def test_a_credential_file_that_others_may_read_is_refused(self):
        path = self.path("cred")
        with open(path, "w", encoding="ascii") as file:
            file.write(self.login())
        os.chmod(path, 0o644)
        done = self.cli(USAGE, "validate", "--credential-file", path)
        self.assertIn("chmod 600", done.err)

    # Sessions, keys, the server.

    def test_sessions(self):
        password = self.daemon.create_account("sessions")
        first = self.daemon.login("sessions", password)
        second = self.daemon.login("sessions", password)
        listed = self.cli(YES, "session", "list", "sessions", admin=True).out
        self.assertEqual(len(listed.splitlines()), 3)
        for login in (first, second):
            self.assertIn(login.session.name, listed)
            self.assertNotIn(login.credential, listed)
        shown = self.cli_json(YES, "session", "show", first.session.name,
                              admin=True)
        self.assertEqual(shown["session"]["name"], first.session.name)
        self.assertEqual(self.cli(YES, "session", "revoke",
                                  first.session.name, admin=True).out,
                         "ended\n")
        self.assertEqual(self.cli(YES, "session", "revoke",
                                  first.session.name, admin=True).out,
                         "had ended before\n")
        done = self.cli(NO, "session", "show", first.session.name, admin=True)
        self.assertIn("NOT_FOUND SESSION_NOT_FOUND", done.err)
        self.assertEqual(self.cli_json(
            YES, "logout", "--session", second.session.name,
            admin=True)["ended_count"], 1)
        self.assertEqual(self.cli(YES, "session", "list", "sessions",
                                  admin=True).out.count("\n"), 1)

    def test_keys_and_verification_without_the_server(self):
        token = self.login("--jwt", "--refresh-file", self.path("refresh"))
        jwks = self.cli(YES, "key", "jwks").out
        self.assertEqual(len(json.loads(jwks)["keys"]), 1)
        with open(self.path("jwks.json"), "w", encoding="ascii") as file:
            file.write(jwks)
        verify = ("jwt", "verify", "--jwks", self.path("jwks.json"),
                  "--signature-only")
        done = self.cli(YES, *verify, stdin=token.encode() + b"\n")
        self.assertIs(json.loads(done.out)["ok"], True)
        done = self.cli(NO, *verify,
                        stdin=(token + "\n" + token[:-5] + "\n").encode())
        self.assertEqual([json.loads(line)["ok"]
                          for line in done.out.splitlines()], [True, False])
        self.cli(USAGE, "jwt", "verify", "--jwks", self.path("missing"))

        issuer = self.cli_json(YES, "info", admin=True)["issuer"]
        done = self.cli(YES, "jwt", "verify", "--jwks",
                        self.path("jwks.json"), "--issuer", issuer,
                        "--audience", issuer, stdin=token.encode() + b"\n")
        self.assertEqual(json.loads(done.out)["claims"]["account"], "alice")

        rotated = self.cli_json(YES, "key", "rotate", admin=True)
        self.assertEqual(rotated["key"]["state"], "KEY_STATE_PUBLISHED")
        done = self.cli(NO, "key", "rotate", admin=True)
        self.assertIn("ROTATION_TOO_SOON", done.err)
        listed = self.cli(YES, "key", "list", admin=True).out
        self.assertRegex(listed, r"(?m)^\S+ +ES256 +signing ")
        self.assertRegex(listed, r"(?m)^%s +ES256 +published " %
                         rotated["key"]["kid"])
        self.assertEqual(
            len(json.loads(self.cli(YES, "key", "jwks").out)["keys"]), 2)
        self.check_revocation(token)

    def check_revocation(self, token):
        """The key of `token` is revoked; its session lives on."""
        environment = {"LATCHKEY_CREDENTIAL": token}
        self.cli(YES, "validate", environment=environment)
        listed = self.cli_json(YES, "key", "list", admin=True)["keys"]
        signing = [key["kid"] for key in listed
                   if key["state"] == "KEY_STATE_SIGNING"]
        revoked = self.cli_json(YES, "key", "revoke", *signing, admin=True)
        self.assertEqual(revoked["successor"]["state"], "KEY_STATE_SIGNING")
        self.cli(NO, "validate", environment=environment)
        self.assertNotIn(signing[0], self.cli(YES, "key", "jwks").out)
        done = self.cli(NO, "key", "revoke", *signing, admin=True)
        self.assertIn("NOT_FOUND KEY_NOT_FOUND", done.err)
        done = self.cli(USAGE, "key", "revoke", "nonsense", admin=True)
        self.assertIn("INVALID_FIELD", done.err)
        again = self.cli_json(YES, "refresh", "--refresh-file",
                              self.path("refresh"))
        self.daemon.secrets.credential(again["credential"])
        self.cli(YES, "validate",
                 environment={"LATCHKEY_CREDENTIAL": again["credential"]})

    def test_info(self):
        info = self.cli_json(YES, "info", admin=True)
        self.assertRegex(info["epoch"], r"\A[0-9a-f]{32}\Z")
        text = self.cli(YES, "info", admin=True).out
        self.assertRegex(text, r"(?m)^version +\d+\.\d+\.\d+$")
        self.assertIn(info["epoch"], text)
        self.assertRegex(text, r"(?m)^sessions in memory +\d+")

    # What goes wrong.

    def test_errors_carry_reason_and_fields(self):
        done = self.cli(NO, "account", "list")
        self.assertIn("PERMISSION_DENIED NOT_PERMITTED", done.err)
        self.assertIn("admin.sock", done.err)
        error = json.loads(self.cli(NO, "--json", "account", "show", "nobody",
                                    admin=True).err)["error"]
        self.assertEqual((error["code"], error["reason"]),
                         ("NOT_FOUND", "ACCOUNT_NOT_FOUND"))
        done = self.cli(USAGE, "login", "Alice", "--password-stdin",
                        stdin=b"x")
        self.assertIn("INVALID_ARGUMENT INVALID_FIELD", done.err)
        self.assertRegex(done.err, r"(?m)^  account: must be ")
        error = json.loads(self.cli(USAGE, "--json", "login", "Alice",
                                    "--password-stdin", stdin=b"x").err)
        self.assertEqual(error["error"]["field_violations"][0]["field"],
                         "account")

    def test_an_unreachable_server(self):
        for server in ("127.0.0.1:1", "unix:" + self.path("none")):
            done = harness.run_program(
                [harness.LATCHKEY, "--server", server, "validate",
                 "--credential-stdin"], b"x")
            self.assertEqual(done.code, NO_ANSWER)
            self.assertIn("UNAVAILABLE", done.err)
            self.assertIn(server, done.err)

    def test_the_server_may_come_from_the_environment(self):
        done = harness.run_program(
            [harness.LATCHKEY, "account", "list"],
            environment={"LATCHKEY_SERVER": self.daemon.admin_address})
        self.assertEqual(done.code, YES, done.err)

    def test_usage(self):
        for arguments in ((), ("account",), ("nonsense",), ("login",),
                          ("account", "update", "alice"),
                          ("account", "update", "alice", "--no-roles",
                           "--role", "a"),
                          ("login", "alice", "secret"),
                          ("login", "alice", "--password", "secret"),
                          ("validate", "lks_x"),
                          ("logout", "--scope", "some"),
                          ("logout", "--session", "x", "--credential-stdin"),
                          ("login", "alice", "--ttl", "soon"),
                          ("info", "--timeout", "0s"),
                          # There is no terminal to ask on.
                          ("login", "alice"), ("validate",)):
            with self.subTest(arguments=arguments):
                done = self.cli(USAGE, *arguments)
                self.assertEqual(done.out, "")
                self.assertNotEqual(done.err, "")

    def test_every_command_explains_itself_by_example(self):
        for command in ("account create", "account list", "account show",
                        "account update", "account disable", "account enable",
                        "account delete", "account set-password", "login",
                        "validate", "refresh", "logout", "session list",
                        "session show", "session revoke", "key list",
                        "key rotate", "key revoke", "key jwks", "jwt verify", "info"):
            done = self.cli(YES, *command.split(), "--help")
            self.assertIn("example", done.out, command)
            self.assertIn("latchkey", done.out, command)

    def test_output_that_cannot_be_written_is_an_error(self):
        with open("/dev/full", "wb") as full:
            done = subprocess.run(
                [harness.LATCHKEY, "--server", self.daemon.admin_address,
                 "account", "list"], stdout=full, stderr=subprocess.PIPE,
                env=harness.clean_environment(), check=False)
        self.assertEqual(done.returncode, USAGE)

    # The terminal.

    def on_terminal(self, answers, *arguments):
        """Runs latchkey on a terminal of its own and answers each prompt.
        Returns (exit code, what the terminal showed)."""
        pid, terminal = pty.fork()
        if pid == 0:
            os.execve(harness.LATCHKEY, [harness.LATCHKEY, *arguments],
                      harness.clean_environment())
        shown = b""
        for prompt, answer in answers:
            while prompt not in shown.rpartition(b"\n")[2]:
                shown += os.read(terminal, 4096)
            # The prompt comes after the echo has gone.
            self.assertFalse(
                termios.tcgetattr(terminal)[3] & termios.ECHO)
            os.write(terminal, answer)
            shown += b"\n"
        while True:
            try:
                data = os.read(terminal, 4096)
            except OSError:  # the terminal's way to say: the end
                break
            if not data:
                break
            shown += data
        _, status = os.waitpid(pid, 0)
        os.close(terminal)
        return os.waitstatus_to_exitcode(status), shown.decode()

    def test_a_password_is_asked_for_without_echo(self):
        password = self.password.encode()
        code, shown = self.on_terminal(
            [(b"Password: ", password + b"\n")], "--server",
            self.daemon.address, "login", "alice", "--credential-file",
            self.path("cred"))
        self.assertEqual(code, YES, shown)
        self.assertNotIn(self.password, shown)
        self.cli(YES, "validate", "--credential-file", self.path("cred"))

    def test_a_new_password_is_asked_for_twice(self):
        server = ("--server", self.daemon.admin_address)
        prompts = [(b"Password: ", b"some long password\n"),
                   (b"Once more: ", b"another password\n")]
        code, shown = self.on_terminal(prompts, *server, "account", "create",
                                       "typed")
        self.assertEqual(code, USAGE, shown)
        self.assertIn("differ", shown)
        prompts[1] = (b"Once more: ", prompts[0][1])
        code, shown = self.on_terminal(prompts, *server, "account", "create",
                                       "typed")
        self.assertEqual(code, YES, shown)
        self.assertNotIn("password", shown.lower().replace("password: ", ""))

    def test_a_signal_puts_the_terminal_right(self):
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            pid, terminal = pty.fork()
            if pid == 0:
                os.execve(harness.LATCHKEY,
                          [harness.LATCHKEY, "login", "alice"],
                          harness.clean_environment())
            shown = b""
            while b"Password: " not in shown:
                shown += os.read(terminal, 4096)
            os.kill(pid, number)
            _, status = os.waitpid(pid, 0)
            self.assertEqual(os.WTERMSIG(status), number)
            self.assertTrue(termios.tcgetattr(terminal)[3] & termios.ECHO)
            os.close(terminal)


if __name__ == "__main__":
    unittest.main()
