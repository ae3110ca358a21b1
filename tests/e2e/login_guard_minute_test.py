"""A minute of guessing from one source, and an owner who comes from another."""

import secrets
import threading
import time
import unittest

import grpc
import harness
import relay
from harness import auth_pb2

TIMEOUT = harness.CALL_TIMEOUT_SECONDS
SECONDS = 60
TRIES_A_SECOND = 100
# One thread could not keep the pace while it waits for an answer.
THREADS = 4
TRIES_OF_OWNER = 3


class Guesser:
    """Tries wrong passwords at a pace, from the source of `stubs`."""

    def __init__(self, stubs, accounts):
        self.stubs, self.accounts = stubs, accounts
        self.answers = {}  # by reason
        self.tries = 0
        self._lock = threading.Lock()
        self._begin = time.monotonic()
        self._threads = [threading.Thread(target=self._run)
                         for _ in range(THREADS)]
        for thread in self._threads:
            thread.start()

    def join(self):
        for thread in self._threads:
            thread.join()

    def _next(self):
        """Waits for the next try's time; None when there is none."""
        with self._lock:
            number = self.tries
            if number == SECONDS * TRIES_A_SECOND:
                return None
            self.tries += 1
        due = self._begin + number / TRIES_A_SECOND
        threading.Event().wait(max(0, due - time.monotonic()))
        return number

    def _run(self):
        while (number := self._next()) is not None:
            try:
                self.stubs.auth.Login(auth_pb2.LoginRequest(
                    account=self.accounts(number),
                    password=secrets.token_hex(8)), timeout=TIMEOUT)
                reason = "let in"
            except grpc.RpcError as error:
                reason = harness.Details(error).reason
            with self._lock:
                self.answers[reason] = self.answers.get(reason, 0) + 1


class Minute(unittest.TestCase):

    def setUp(self):
        self.daemon = harness.start_daemon(self)
        self.password = self.daemon.create_account("owner")

    def enter(self, stubs, mistyped=0):
        """Logs the owner in, after so many slips; returns the tries it took.
        A wait that is asked for is waited for."""
        for tries in range(1, TRIES_OF_OWNER + 1):
            password = "slip" if tries <= mistyped else self.password
            try:
                response = stubs.auth.Login(auth_pb2.LoginRequest(
                    account="owner", password=password), timeout=TIMEOUT)
                self.daemon.secrets.credential(response.credential)
                return tries
            except grpc.RpcError as error:
                details = harness.Details(error)
                self.assertIn(details.reason,
                              ("LOGIN_REFUSED", "LOGIN_THROTTLED"))
                threading.Event().wait(details.retry_seconds or 0)
        self.fail("the owner is kept out")

    def guess(self, accounts):
        """Guesses for a minute; the owner comes from ever new sources, and
        once more when it is over. Returns what the guesser was told."""
        guesser = Guesser(self.daemon.public, accounts)
        usual = relay.stubs_from(self, self.daemon, "127.0.7.1")
        tries, source = [], 0
        while guesser.tries < SECONDS * TRIES_A_SECOND:
            before = guesser.tries
            source += 1
            stubs = relay.stubs_from(self, self.daemon, "127.0.8.%d" % source)
            tries.append(self.enter(stubs))
            tries.append(self.enter(usual))
            while before // 500 == guesser.tries // 500:
                threading.Event().wait(0.05)
        guesser.join()
        self.assertEqual(set(tries), {1})
        # With slips, too: the right password comes last.
        stubs = relay.stubs_from(self, self.daemon, "127.0.9.1")
        self.assertEqual(self.enter(stubs, TRIES_OF_OWNER - 1), TRIES_OF_OWNER)
        self.assertNotIn("let in", guesser.answers)
        self.assertEqual(set(guesser.answers),
                         {"LOGIN_REFUSED", "LOGIN_THROTTLED"})
        return guesser.answers

    def test_at_the_owner_s_account(self):
        answers = self.guess(lambda _: "owner")
        # Five are free; then the waits double: in a minute a handful more.
        self.assertLess(answers["LOGIN_REFUSED"], 20)

    def test_at_many_accounts_of_which_one_is_the_owner_s(self):
        answers = self.guess(lambda number: "owner" if number % 2 else
                             "name%d" % (number % 1000))
        # Fifty are free over all accounts.
        self.assertLess(answers["LOGIN_REFUSED"], 100)


if __name__ == "__main__":
    unittest.main()
