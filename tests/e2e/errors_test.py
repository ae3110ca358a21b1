"""Every error code and reason of the contract that a caller can provoke."""

import concurrent.futures
import unittest

import grpc
import harness
from harness import (account_pb2, auth_pb2, key_pb2, session_service_pb2)

TIMEOUT = harness.CALL_TIMEOUT_SECONDS


class Errors(harness.DaemonTest):

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.password = cls.daemon.create_account("alice")

    def test_a_login_refused_tells_nothing(self):
        self.daemon.create_account("disabled", self.password)
        self.daemon.private.accounts.DisableAccount(
            account_pb2.DisableAccountRequest(name="accounts/disabled"),
            timeout=TIMEOUT)
        answers = set()
        for account, password in (("alice", "wrong"), ("nobody", "wrong"),
                                  ("nobody", self.password),
                                  ("disabled", self.password),
                                  ("disabled", "wrong")):
            details = self.assertRefused(
                grpc.StatusCode.UNAUTHENTICATED, "LOGIN_REFUSED",
                self.daemon.public.auth.Login,
                auth_pb2.LoginRequest(account=account, password=password))
            answers.add((details.message, str(details.metadata),
                         details.retry_seconds, str(details.fields)))
        self.assertEqual(len(answers), 1, answers)

    def test_account_exists(self):
        self.assertRefused(
            grpc.StatusCode.ALREADY_EXISTS, "ACCOUNT_EXISTS",
            self.daemon.private.accounts.CreateAccount,
            account_pb2.CreateAccountRequest(account_id="alice",
                                             password="x"))
        # And is what it was.
        self.daemon.login("alice", self.password)

    def test_account_not_found(self):
        accounts = self.daemon.private.accounts
        name = "accounts/nobody"
        for method, request in (
                (accounts.GetAccount, account_pb2.GetAccountRequest),
                (accounts.UpdateAccount, account_pb2.UpdateAccountRequest),
                (accounts.DisableAccount, account_pb2.DisableAccountRequest),
                (accounts.EnableAccount, account_pb2.EnableAccountRequest),
                (accounts.DeleteAccount, account_pb2.DeleteAccountRequest)):
            self.assertRefused(grpc.StatusCode.NOT_FOUND, "ACCOUNT_NOT_FOUND",
                               method, request(name=name))
        self.assertRefused(
            grpc.StatusCode.NOT_FOUND, "ACCOUNT_NOT_FOUND",
            accounts.SetPassword,
            account_pb2.SetPasswordRequest(name=name, password="x"))
        self.assertRefused(
            grpc.StatusCode.NOT_FOUND, "ACCOUNT_NOT_FOUND",
            self.daemon.private.sessions.ListSessions,
            session_service_pb2.ListSessionsRequest(parent=name))

    def test_session_not_found(self):
        session = self.daemon.login("alice", self.password)
        self.daemon.create_account("bob")
        session_id = session.session.name.rpartition("/")[2]
        get = self.daemon.private.sessions.GetSession
        for name in ("accounts/alice/sessions/" + "0" * 32,
                     # The id is alive, under another account.
                     "accounts/bob/sessions/" + session_id,
                     "accounts/nobody/sessions/" + session_id):
            self.assertRefused(
                grpc.StatusCode.NOT_FOUND, "SESSION_NOT_FOUND", get,
                session_service_pb2.GetSessionRequest(name=name))
        self.daemon.logout(session.credential)
        self.assertRefused(
            grpc.StatusCode.NOT_FOUND, "SESSION_NOT_FOUND", get,
            session_service_pb2.GetSessionRequest(name=session.session.name))

    def test_revoking_under_another_account_ends_nothing(self):
        session = self.daemon.login("alice", self.password)
        self.daemon.create_account("carol")
        session_id = session.session.name.rpartition("/")[2]
        self.assertFalse(self.daemon.private.sessions.RevokeSession(
            session_service_pb2.RevokeSessionRequest(
                name="accounts/carol/sessions/" + session_id),
            timeout=TIMEOUT).ended)
        self.assertTrue(self.daemon.validate(session.credential).active)

    def test_refresh_refused(self):
        opaque = self.daemon.login("alice", self.password).credential
        token = self.daemon.login("alice", self.password, harness.JWT)
        for credential in ("x", opaque, token.credential,
                           "lkr_" + token.refresh_credential[4:][::-1]):
            self.assertRefused(
                grpc.StatusCode.UNAUTHENTICATED, "REFRESH_REFUSED",
                self.daemon.public.auth.Refresh,
                auth_pb2.RefreshRequest(refresh_credential=credential))

    def test_a_rotation_waits_for_the_last_one(self):
        keys = self.daemon.private.keys
        new = keys.RotateKey(key_pb2.RotateKeyRequest(), timeout=TIMEOUT).key
        self.assertEqual(new.state, key_pb2.KEY_STATE_PUBLISHED)
        self.assertIn(new.kid, self.daemon.public.keys.GetJwks(
            key_pb2.GetJwksRequest(), timeout=TIMEOUT).jwks)
        self.assertRefused(
            grpc.StatusCode.FAILED_PRECONDITION, "ROTATION_TOO_SOON",
            keys.RotateKey, key_pb2.RotateKeyRequest())
        states = [key.state for key in keys.ListKeys(
            key_pb2.ListKeysRequest(), timeout=TIMEOUT).keys]
        self.assertEqual(states, [key_pb2.KEY_STATE_SIGNING,
                                  key_pb2.KEY_STATE_PUBLISHED])

    def test_a_call_that_is_late_has_no_effect(self):
        before = len(self.daemon.list_sessions("alice"))
        with self.assertRaises(grpc.RpcError) as caught:
            self.daemon.public.auth.Login(
                auth_pb2.LoginRequest(account="alice", password=self.password),
                timeout=0)
        self.assertEqual(caught.exception.code(),
                         grpc.StatusCode.DEADLINE_EXCEEDED)
        self.assertEqual(len(self.daemon.list_sessions("alice")), before)


class HashQueue(harness.DaemonTest):
    # One thread and room for one more: the third login at once is refused.
    SETTINGS = ("--hash_threads", "1", "--hash_queue", "1",
                "--hash_time_cost", "4", "--hash_memory_kib", "65536",
                "--login_guard", "false")

    def test_a_full_queue_refuses_early_with_a_hint(self):
        password = self.daemon.create_account("alice")
        request = auth_pb2.LoginRequest(account="alice", password=password)

        def login():
            try:
                self.daemon.public.auth.Login(request, timeout=TIMEOUT)
                return None
            except grpc.RpcError as error:
                return harness.Details(error)

        with concurrent.futures.ThreadPoolExecutor(16) as threads:
            outcomes = list(threads.map(lambda _: login(), range(16)))
        refused = [outcome for outcome in outcomes if outcome]
        self.assertTrue(refused)
        self.assertLess(len(refused), len(outcomes))
        for details in refused:
            self.assertEqual(details.code, grpc.StatusCode.RESOURCE_EXHAUSTED)
            self.assertEqual(details.reason, "HASH_QUEUE_FULL")
            self.assertGreater(details.retry_seconds, 0)
        # What was refused opened nothing.
        self.assertEqual(len(self.daemon.list_sessions("alice")),
                         len(outcomes) - len(refused))


class Overload(harness.DaemonTest):

    SETTINGS = ("--worker_threads", "1", "--worker_queue", "1")

    def test_too_many_waiting_writes_are_told_to_come_again(self):
        self.daemon.create_account("alice")
        refused = []
        # Each round asks for more writes than one thread and a queue of one
        # can hold; whether they come at the same time is the machine's affair.
        for number in range(200):
            calls = [self.daemon.private.accounts.UpdateAccount.future(
                account_pb2.UpdateAccountRequest(
                    name="accounts/alice", roles=["r%d-%d" % (number, one)]),
                timeout=TIMEOUT) for one in range(50)]
            for call in calls:
                if call.exception():
                    refused.append(harness.Details(call.exception()))
            if refused:
                break
        self.assertTrue(refused, "10,000 writes, and never two at a time")
        for details in refused:
            self.assertEqual(details.code, grpc.StatusCode.UNAVAILABLE)
            self.assertEqual(details.reason, "OVERLOADED")
            self.assertGreater(details.retry_seconds, 0)


if __name__ == "__main__":
    unittest.main()
