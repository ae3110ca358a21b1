"""Guessing is slowed down, for the caller who guesses, and for no other."""

import itertools
import unittest

import grpc
import harness
import relay
from harness import auth_pb2

TIMEOUT = harness.CALL_TIMEOUT_SECONDS
NO = 1
BURST = 5
# Far more than are needed: each try after the burst that is let in, because it
# comes late, doubles the wait of the next one.
MOST_TRIES = 200


class LoginGuard(harness.DaemonTest):

    # Many failures of one account make all who try it take turns, which would
    # look like a wait of their own.
    SETTINGS = ("--login_account_burst", str(2 * MOST_TRIES))

    def from_source(self, source):
        return relay.stubs_from(self, self.daemon, source)

    def failure(self, stubs, account, **fields):
        """What a wrong try is told."""
        with self.assertRaises(grpc.RpcError) as caught:
            stubs.auth.Login(
                auth_pb2.LoginRequest(account=account, password="wrong",
                                      **fields), timeout=TIMEOUT)
        return harness.Details(caught.exception)

    def until_throttled(self, stubs, account, each=itertools.repeat({})):
        """What wrong tries are told, of which the last one must wait; `each`
        is what else they say. On a slow machine it need not be the first one
        after the burst: that may come when its wait is over."""
        told = []
        for fields in itertools.islice(each, MOST_TRIES):
            told.append(self.failure(stubs, account, **fields))
            if told[-1].reason != "LOGIN_REFUSED":
                break
        self.assertThrottled(told[-1])
        self.assertGreaterEqual(len(told), BURST + 1)
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
        self.until_throttled(self.daemon.public, "alice")
        told = [self.failure(self.daemon.public, "alice") for _ in range(200)]
        throttled = [one for one in told if one.reason == "LOGIN_THROTTLED"]
        self.assertGreater(len(throttled), 100)
        # The right password is not even looked at. It is tried where seconds
        # are left of the wait, or it might come when that is over.
        while (told[-1].retry_seconds or 0) <= 3:
            told.append(self.failure(self.daemon.public, "alice"))
        details = self.assertRefused(
            grpc.StatusCode.RESOURCE_EXHAUSTED, "LOGIN_THROTTLED",
            self.daemon.public.auth.Login,
            auth_pb2.LoginRequest(account="alice", password=password))
        self.assertThrottled(details)
        self.enter(self.from_source("127.0.0.2"), "alice", password)

    def test_a_name_that_does_not_exist_is_told_the_same(self):
        self.daemon.create_account("bob")
        told = [[(one.code, one.message, one.reason, one.retry_seconds,
                  str(one.metadata)) for one in self.until_throttled(
                      self.from_source(source), account)]
                for source, account in (("127.0.1.1", "bob"),
                                        ("127.0.1.2", "nobody"))]
        # What is left of a wait depends on how fast the machine is.
        self.assertEqual(*[answers[:BURST] for answers in told])
        self.assertEqual(*[answers[-1][:3] for answers in told])
        self.assertEqual(told[0][-1][2], "LOGIN_THROTTLED")

    def test_who_may_log_in_on_behalf_says_where_they_are(self):
        password = self.daemon.create_account("carol")
        def at(address):
            return {"client": harness.session_pb2.ClientInfo(
                ip_address=address)}
        self.until_throttled(self.daemon.private, "carol",
                             itertools.repeat(at("203.0.113.5")))
        self.enter(self.daemon.private, "carol", password,
                   **at("198.51.100.7"))
        # Of any other caller it is only recorded.
        stubs = self.from_source("127.0.2.1")
        self.until_throttled(stubs, "carol", (
            at("198.18.%d.1" % number) for number in range(MOST_TRIES)))
        entered = self.enter(self.daemon.public, "carol", password,
                             **at("203.0.113.5"))
        self.assertEqual(entered.session.client.ip_address, "203.0.113.5")

    def test_the_command_line_says_when_to_try_again(self):
        self.daemon.create_account("dave")
        self.until_throttled(self.daemon.public, "dave")
        # One that came when its wait was over doubles that of the next one.
        while True:
            done = self.run_cli("login", "dave", "--password-stdin",
                                stdin=b"wrong")
            if "LOGIN_REFUSED" not in done.err:
                break
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
