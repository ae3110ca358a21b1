"""The audit log: a line for every security event, none without its line, and
no secret in it; and correlation ids, which go through it and come back."""

import json
import os
import resource
import signal
import time
import unittest

import grpc
import harness
from harness import (JWT, account_pb2, auth_pb2, key_pb2, session_service_pb2)

TIMEOUT = harness.CALL_TIMEOUT_SECONDS
ID, TRACE = "latchkey-correlation-id", "traceparent"
TRACE_ID = "4bf92f3577b34da6a3ce929d0e0e4736"
TRACEPARENT = "00-%s-00f067aa0ba902b7-01" % TRACE_ID
# What no file of a full disk comes near to but the audit log.
FAR = 512 << 20


class AuditTest(unittest.TestCase):

    def start(self, *settings, prepare=None):
        daemon = harness.Daemon()
        daemon.audit = os.path.join(daemon.directory, "audit")
        daemon.settings += ["--audit_log", daemon.audit, *settings]
        if prepare:
            prepare(daemon.audit)
        daemon.start()
        self.addCleanup(daemon.close)
        return daemon

    def events(self, daemon, path=None, offset=0):
        """Returns the events in the file; each line must be one, and tell no
        secret."""
        with open(path or daemon.audit, "rb") as file:
            file.seek(offset)
            text = file.read()
        self.assertEqual(daemon.secrets.found_in(text), set())
        self.assertTrue(text.endswith(b"\n") or not text)
        return [json.loads(line) for line in text.splitlines()]

    def call(self, method, request, **metadata):
        """Makes a call, and returns (code, trailers)."""
        sent = [(name.replace("_", "-"), value)
                for name, value in metadata.items()]
        try:
            call = method.with_call(request, timeout=TIMEOUT, metadata=sent)[1]
        except grpc.RpcError as error:
            call = error
        return call.code(), dict(call.trailing_metadata())


class Events(AuditTest):

    def test_every_kind_of_event_has_its_line(self):
        daemon = self.start("--audit_sync", "true")
        calls = []  # (method, request) in the order of their ids

        def do(code, method, request):
            ident = "call-%d" % len(calls)
            calls.append(method)
            answered, trailers = self.call(
                method, request, latchkey_correlation_id=ident)
            self.assertEqual(answered, code, method)
            self.assertEqual(trailers[ID], ident)
            return ident

        ok = grpc.StatusCode.OK
        refused = grpc.StatusCode.UNAUTHENTICATED
        public, private = daemon.public, daemon.private
        password = daemon.secrets.password("a long enough password")
        other = daemon.secrets.password("another long password")
        name = "accounts/alice"
        expected = []  # (id, event, outcome, reason, target, actor kind)

        def change(event, method, request, target=name):
            ident = do(ok, method, request)
            for outcome in ("begun", "done"):
                expected.append(
                    (ident, event, outcome, None, target, "operator"))

        change("account.create", private.accounts.CreateAccount,
               account_pb2.CreateAccountRequest(
                   account_id="alice", password=password, roles=["b", "a"]))
        opaque = daemon.login("alice", password)
        token = daemon.login("alice", password, JWT)
        for reason, account, proof, target in (
                ("WRONG_PROOF", "alice", other, name),
                ("UNKNOWN_ACCOUNT", "nobody", other, None)):
            expected.append((
                do(refused, public.auth.Login, auth_pb2.LoginRequest(
                    account=account, password=proof)),
                "login", "refused", reason, target, "unknown"))
        expected.append((
            do(ok, public.auth.Refresh, auth_pb2.RefreshRequest(
                refresh_credential=token.refresh_credential)),
            "refresh", "done", None, token.session.name, "unknown"))
        expected.append((
            do(refused, public.auth.Refresh, auth_pb2.RefreshRequest(
                refresh_credential=daemon.secrets.credential("lkr_wrong"))),
            "refresh", "refused", "REFRESH_REFUSED", None, "unknown"))
        expected.append((
            do(ok, public.auth.Logout, auth_pb2.LogoutRequest(
                credential=opaque.credential)),
            "logout", "done", None, opaque.session.name, "unknown"))
        expected.append((
            do(ok, private.sessions.RevokeSession,
               session_service_pb2.RevokeSessionRequest(
                   name=token.session.name)),
            "session.revoke", "done", None, token.session.name, "operator"))
        change("account.update", private.accounts.UpdateAccount,
               account_pb2.UpdateAccountRequest(name=name, roles=["c"]))
        change("account.set_password", private.accounts.SetPassword,
               account_pb2.SetPasswordRequest(name=name, password=other))
        expected.append((
            do(ok, private.accounts.DisableAccount,
               account_pb2.DisableAccountRequest(name=name)),
            "account.disable", "done", None, name, "operator"))
        expected.append((
            do(refused, public.auth.Login, auth_pb2.LoginRequest(
                account="alice", password=other)),
            "login", "refused", "ACCOUNT_DISABLED", name, "unknown"))
        change("account.enable", private.accounts.EnableAccount,
               account_pb2.EnableAccountRequest(name=name))
        expected.append((
            do(ok, private.accounts.DeleteAccount,
               account_pb2.DeleteAccountRequest(name=name)),
            "account.delete", "done", None, name, "operator"))
        expected.append((
            do(grpc.StatusCode.PERMISSION_DENIED, public.keys.RotateKey,
               key_pb2.RotateKeyRequest()),
            "call", "refused", "NOT_PERMITTED", "RotateKey", "unknown"))
        rotated = do(ok, private.keys.RotateKey, key_pb2.RotateKeyRequest())
        kid = daemon.private.keys.ListKeys(
            key_pb2.ListKeysRequest(), timeout=TIMEOUT).keys[-1].kid
        for outcome, target in (("begun", "keys"), ("done", "keys/" + kid)):
            expected.append((
                rotated, "key.rotate", outcome, None, target, "operator"))
        expected.append((
            do(ok, private.keys.RevokeKey, key_pb2.RevokeKeyRequest(kid=kid)),
            "key.revoke", "done", None, "keys/" + kid, "operator"))
        self.assertEqual(daemon.stop(), 0)

        events = self.events(daemon)
        logins = [e for e in events
                  if e["event"] == "login" and e["outcome"] == "done"]
        self.assertEqual(
            [(e["target"], e["credential"], e["amr"]) for e in logins],
            [(opaque.session.name, "opaque", "pwd"),
             (token.session.name, "jwt", "pwd")])
        found = [(e["correlation_id"], e["event"], e["outcome"],
                  e.get("reason"), e.get("target"), e["actor_kind"])
                 for e in events if e not in logins]
        self.assertEqual(sorted(found, key=str), sorted(expected, key=str))
        for event in events:
            self.assertRegex(event["time"],
                             r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z$")
            by_operator = event["actor_kind"] == "operator"
            self.assertEqual(event.get("actor"),
                             "operator" if by_operator else None)
            self.assertEqual(event.get("address"),
                             None if by_operator else "127.0.0.1")
        self.assertEqual(os.stat(daemon.audit).st_mode & 0o777, 0o600)

    def test_a_flood_of_failures_is_few_lines_that_count_them_all(self):
        daemon = self.start()
        began = time.monotonic()
        for _ in range(200):
            with self.assertRaises(grpc.RpcError):
                daemon.public.auth.Refresh(
                    auth_pb2.RefreshRequest(refresh_credential="lkr_wrong"),
                    timeout=TIMEOUT)
        self.assertEqual(daemon.stop(), 0)
        seconds = time.monotonic() - began
        refused = [e for e in self.events(daemon) if e["outcome"] == "refused"]
        self.assertEqual(sum(e.get("count", 1) for e in refused), 200)
        # One at once, one for each second, and one for the rest.
        self.assertLessEqual(len(refused), int(seconds) + 2)

    def test_a_hang_up_goes_on_in_a_new_file(self):
        daemon = self.start()
        password = daemon.create_account("alice")
        before = daemon.login("alice", password)
        os.rename(daemon.audit, daemon.audit + ".1")
        daemon.process.send_signal(signal.SIGHUP)
        while not os.path.exists(daemon.audit):
            daemon.validate("x")
        after = daemon.login("alice", password)
        self.assertEqual(daemon.stop(), 0)
        self.assertEqual(
            self.events(daemon, daemon.audit + ".1")[-1]["target"],
            before.session.name)
        self.assertEqual([e["target"] for e in self.events(daemon)],
                         [after.session.name])

    def test_a_dash_is_standard_error(self):
        daemon = harness.start_daemon(self, ["--audit_log", "-"])
        password = daemon.create_account("alice")
        daemon.login("alice", password)
        lines = [json.loads(line) for line in daemon.log().splitlines()
                 if line.startswith("{")]
        self.assertEqual([e["event"] for e in lines],
                         ["account.create", "account.create", "login"])

    def test_a_log_that_cannot_be_opened_stops_the_start(self):
        daemon = harness.Daemon(["--audit_log", "/nowhere/audit"])
        self.addCleanup(os.rmdir, daemon.directory)
        done = harness.run_program(daemon.command())
        self.assertEqual(done.code, 1)
        self.assertIn("/nowhere/audit", done.err)
        self.assertEqual(os.listdir(daemon.directory), [])


class FullDisk(AuditTest):

    def refused(self, method, request):
        details = harness.assert_refused(
            self, grpc.StatusCode.UNAVAILABLE, "AUDIT_UNAVAILABLE", method,
            request)
        self.assertGreater(details.retry_seconds, 0)

    def test_no_line_no_login_and_what_is_taken_away_stays_so(self):

        def grown(path):
            with open(path, "wb") as file:
                file.seek(FAR - 1)
                file.write(b"\n")

        daemon = self.start(prepare=grown)
        password = daemon.create_account("alice")
        first = daemon.login("alice", password)
        second = daemon.login("alice", password)
        size = os.path.getsize(daemon.audit)
        # Room for less than a line; what else there is of files is far below.
        pid = daemon.process.pid
        before = resource.prlimit(pid, resource.RLIMIT_FSIZE)
        resource.prlimit(pid, resource.RLIMIT_FSIZE, (size + 20, before[1]))

        login = auth_pb2.LoginRequest(account="alice", password=password)
        for _ in range(3):
            self.refused(daemon.public.auth.Login, login)
        self.assertEqual(len(daemon.list_sessions("alice")), 2)
        logout = auth_pb2.LogoutRequest(credential=first.credential)
        self.refused(daemon.public.auth.Logout, logout)
        self.assertFalse(daemon.validate(first.credential).active)
        self.assertEqual(
            daemon.public.auth.Logout(logout, timeout=TIMEOUT).ended_count, 0)
        # Nothing else is any worse for it.
        self.assertTrue(daemon.validate(second.credential).active)
        accounts = daemon.private.accounts
        name = "accounts/alice"
        self.refused(accounts.UpdateAccount, account_pb2.UpdateAccountRequest(
            name=name, roles=["ops"]))
        self.assertTrue(daemon.validate(second.credential).active)
        self.refused(accounts.DisableAccount,
                     account_pb2.DisableAccountRequest(name=name))
        self.assertFalse(daemon.validate(second.credential).active)
        self.refused(accounts.EnableAccount,
                     account_pb2.EnableAccountRequest(name=name))
        account = accounts.GetAccount(
            account_pb2.GetAccountRequest(name=name), timeout=TIMEOUT).account
        self.assertTrue(account.disabled)
        self.assertEqual(list(account.roles), [])

        resource.prlimit(pid, resource.RLIMIT_FSIZE, before)
        accounts.EnableAccount(
            account_pb2.EnableAccountRequest(name=name), timeout=TIMEOUT)
        third = daemon.login("alice", password)
        self.assertTrue(daemon.validate(third.credential).active)
        self.assertEqual(daemon.stop(), 0)

        events = self.events(daemon, offset=FAR)
        found = [(e["event"], e["outcome"], e.get("reason")) for e in events]
        for late in (("logout", "done", None),
                     ("account.disable", "done", None)):
            self.assertEqual(found.count(late), 1, late)
        lost = {}
        for event in events:
            if event.get("reason") == "AUDIT_UNAVAILABLE":
                lost[event["event"]] = (lost.get(event["event"], 0)
                                        + event.get("count", 1))
        self.assertEqual(lost, {"login": 3, "account.update": 1,
                                "account.enable": 1})
        self.assertEqual(
            [e["target"] for e in events
             if e["event"] == "login" and e["outcome"] == "done"],
            [g.session.name for g in (first, second, third)])
        self.assertIn("audit log cannot be written", daemon.log())
        self.assertIn("audit log is written again", daemon.log())


class Correlation(AuditTest):

    @classmethod
    def setUpClass(cls):
        cls.daemon = harness.Daemon().start()
        cls.password = cls.daemon.create_account("alice")
        cls.credential = cls.daemon.login("alice", cls.password).credential

    @classmethod
    def tearDownClass(cls):
        cls.daemon.close()

    def validate(self, **metadata):
        return self.call(
            self.daemon.public.auth.Validate,
            auth_pb2.ValidateRequest(credential=self.credential), **metadata)

    def refused_refresh(self, **metadata):
        code, trailers = self.call(
            self.daemon.public.auth.Refresh,
            auth_pb2.RefreshRequest(refresh_credential="lkr_wrong"),
            **metadata)
        self.assertEqual(code, grpc.StatusCode.UNAUTHENTICATED)
        return trailers

    def test_a_plain_check_has_none(self):
        code, trailers = self.validate()
        self.assertEqual(code, grpc.StatusCode.OK)
        self.assertNotIn(ID, trailers)
        self.assertNotIn(TRACE, trailers)

    def test_what_was_sent_comes_back(self):
        for call in (lambda **m: self.validate(**m)[1], self.refused_refresh):
            trailers = call(latchkey_correlation_id="My_id-1.2")
            self.assertEqual(trailers[ID], "My_id-1.2")
            self.assertNotIn(TRACE, trailers)
            trailers = call(traceparent=TRACEPARENT)
            self.assertEqual(trailers[ID], TRACE_ID)
            self.assertEqual(trailers[TRACE], TRACEPARENT)
            trailers = call(latchkey_correlation_id="a",
                            traceparent=TRACEPARENT)
            self.assertEqual(trailers[ID], "a")
            self.assertEqual(trailers[TRACE], TRACEPARENT)

    def test_what_is_not_spelled_right_counts_as_not_sent(self):
        for bad in ({"latchkey_correlation_id": "x" * 65},
                    {"latchkey_correlation_id": "a b"},
                    {"traceparent": TRACEPARENT.upper()},
                    {"traceparent": "01" + TRACEPARENT[2:]}):
            with self.subTest(sent=bad):
                trailers = self.validate(**bad)[1]
                self.assertNotIn(ID, trailers)
                self.assertNotIn(TRACE, trailers)
                trailers = self.refused_refresh(**bad)
                self.assertRegex(trailers[ID], "^[0-9a-f]{32}$")
                self.assertNotIn(TRACE, trailers)

    def test_it_goes_through_the_log(self):
        trailers = self.refused_refresh()
        self.assertIn("correlation_id=" + trailers[ID], self.daemon.log())
        code, trailers = self.call(
            self.daemon.public.auth.Login,
            auth_pb2.LoginRequest(account="alice", password=self.password))
        self.assertEqual(code, grpc.StatusCode.OK)
        self.assertRegex(self.daemon.log(),
                         "session opened .*correlation_id=" + trailers[ID])


if __name__ == "__main__":
    unittest.main()
