"""Guessing is slowed down, for the caller who guesses, and for no other."""

import unittest

import grpc
import harness
import relay
from harness import auth_pb2

TIMEOUT = harness.CALL_TIMEOUT_SECONDS
NO = 1
BURST = 5


class LoginGuard(harness.DaemonTest):

    def from_source(self, source):
        return relay.stubs_from(self, self.daemon, source)

    def failures(self, stubs, account, count, **fields):
        """What so many wrong tries are told."""
        told = []
        for _ in range(count):
            with self.assertRaises(grpc.RpcError) as caught:
                stubs.auth.Login(
                    auth_pb2.LoginRequest(account=account, password="wrong",
                                          **fields), timeout=TIMEOUT)
            told.append(harness.Details(caught.exception))
        return told

    def enter(self, stubs, account, password, **fields):
        response = stubs.auth.Login(
            auth_pb2.LoginRequest(account=account, password=password,
                                  **fields), timeout=TIMEOUT)
        self.daemon.secrets.credential(response.credential)
        return response

    def assertThrottled(self, details):
        self.assertEqual(details.code, grpc.StatusCode.RESOURCE_EXHAUSTED)
        self.assertEqual((details.reason, details.domain),
                         ("LOGIN_THROTTLED", "latchkey"))
        self.assertGreater(details.retry_seconds, 0)

    def test_a_source_that_guesses_waits_and_another_does_not(self):
        password = self.daemon.create_account("alice")
        told = self.failures(self.daemon.public, "alice", 200)
        for details in told[:BURST]:
            self.assertEqual(details.reason, "LOGIN_REFUSED")
        self.assertThrottled(told[BURST])
        throttled = [one for one in told if one.reason == "LOGIN_THROTTLED"]
        self.assertGreater(len(throttled), 100)
        # The right password is not even looked at.
        details = self.assertRefused(
            grpc.StatusCode.RESOURCE_EXHAUSTED, "LOGIN_THROTTLED",
            self.daemon.public.auth.Login,
            auth_pb2.LoginRequest(account="alice", password=password))
        self.assertThrottled(details)
        self.enter(self.from_source("127.0.0.2"), "alice", password)

    def test_a_name_that_does_not_exist_is_told_the_same(self):
        self.daemon.create_account("bob")
        told = [[(one.code, one.message, one.reason, one.retry_seconds,
                  str(one.metadata)) for one in self.failures(
                      self.from_source(source), account, BURST + 1)]
                for source, account in (("127.0.1.1", "bob"),
                                        ("127.0.1.2", "nobody"))]
        # What is left of a wait depends on how fast the machine is.
        self.assertEqual(*[answers[:BURST] for answers in told])
        self.assertEqual(*[answers[BURST][:3] for answers in told])
        self.assertEqual(told[0][BURST][2], "LOGIN_THROTTLED")

    def test_who_may_log_in_on_behalf_says_where_they_are(self):
        password = self.daemon.create_account("carol")
        def at(address):
            return {"client": harness.session_pb2.ClientInfo(
                ip_address=address)}
        told = self.failures(self.daemon.private, "carol", BURST + 1,
                             **at("203.0.113.5"))
        self.assertThrottled(told[-1])
        self.enter(self.daemon.private, "carol", password,
                   **at("198.51.100.7"))
        # Of any other caller it is only recorded.
        stubs = self.from_source("127.0.2.1")
        told = []
        for number in range(BURST + 1):
            told += self.failures(stubs, "carol", 1,
                                  **at("198.18.%d.1" % number))
        self.assertThrottled(told[-1])
        entered = self.enter(self.daemon.public, "carol", password,
                             **at("203.0.113.5"))
        self.assertEqual(entered.session.client.ip_address, "203.0.113.5")

    def test_the_command_line_says_when_to_try_again(self):
        self.daemon.create_account("dave")
        for _ in range(BURST):
            self.failures(self.daemon.public, "dave", 1)
        done = self.run_cli("login", "dave", "--password-stdin",
                            stdin=b"wrong")
        self.assertEqual(done.code, NO)
        self.assertIn("RESOURCE_EXHAUSTED LOGIN_THROTTLED", done.err)
        self.assertRegex(done.err, r"(?m)^  try again in \S+ s$")


class SwitchedOff(harness.DaemonTest):

    SETTINGS = ("--login_guard", "false")

    def test_nobody_is_slowed(self):
        password = self.daemon.create_account("alice")
        for _ in range(3 * BURST):
            self.assertRefused(
                grpc.StatusCode.UNAUTHENTICATED, "LOGIN_REFUSED",
                self.daemon.public.auth.Login,
                auth_pb2.LoginRequest(account="alice", password="wrong"))
        self.daemon.login("alice", password)


if __name__ == "__main__":
    unittest.main()
