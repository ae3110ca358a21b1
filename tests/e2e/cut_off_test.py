"""A verifier that is cut off accepts nothing that was taken back once a logout
with wait = VERIFIERS has answered, and holds up no logout for longer than its
lease: one that is stopped, one whose packets are lost, one that does not read.

The first two are the client library's, in a process of its own."""

import os
import signal
import subprocess
import sys
import threading
import unittest

import harness
import relay
import revocations_test
import wire
from harness import JWT, OPAQUE, session_pb2

PROBE = os.environ["TEST_VERIFIER_PROBE"]
ISSUER = "cut-off"
VERIFIERS = session_pb2.PROPAGATION_WAIT_VERIFIERS

# The defaults: long enough that a lease outlives a busy machine's hiccup.
LEASE, INTERVAL = 2, 0.5
# interval + lease + margin, and what a busy machine adds.
MOST_SECONDS = INTERVAL + LEASE + 0.02 + LEASE / 100 + 5
SETTINGS = ("--issuer", ISSUER, "--open_validate", "yes")


class Probe:
    """A verifier, asked line by line."""

    def __init__(self, target, before=()):
        self.process = subprocess.Popen(
            [*before, "setpriv", "--pdeathsig", "KILL", PROBE, target, ISSUER],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            env=harness.clean_environment())

    def tell(self, *words):
        self.process.stdin.write(" ".join(words).encode() + b"\n")
        self.process.stdin.flush()

    def hear(self):
        return self.process.stdout.readline().decode().rstrip("\n")

    def says(self, *words):
        self.tell(*words)
        return self.hear()

    def until(self, answer, *words):
        """Returns once it says so, being ready."""
        while True:
            self.says("ready")
            if self.says(*words) == answer:
                return

    def stop(self):
        """Returns when none of its threads runs any more."""
        self.process.send_signal(signal.SIGSTOP)
        _, status = os.waitpid(self.process.pid, os.WUNTRACED)
        assert os.WIFSTOPPED(status), status

    def go_on(self):
        self.process.send_signal(signal.SIGCONT)

    def close(self):
        self.process.kill()
        self.process.wait()
        self.process.stdin.close()
        self.process.stdout.close()


class CutOff:
    """What is the same however it is cut off; `daemon` is the server."""

    names = 0

    def login(self, credential_format):
        CutOff.names += 1
        name = "user%d" % CutOff.names
        return self.daemon.login(name, self.daemon.create_account(name),
                                 credential_format).credential

    def known_to(self, probe):
        """Returns credentials of each format that `probe` accepts by itself."""
        result = [self.login(form) for form in (JWT, OPAQUE)]
        for credential in result:
            probe.until("accepted", "ask", credential)
            probe.until("accepted", "now", credential)
        return result

    def log_out_without_it(self, credential):
        """Logs out while the verifier cannot be told: its lease, and perhaps
        that of a stream that it had before, is waited out."""
        report = self.daemon.logout(credential, wait=VERIFIERS).propagation
        self.assertTrue(report.complete)
        self.assertGreater(report.verifiers, 0)
        self.assertEqual((report.acknowledged, report.lease_expired),
                         (0, report.verifiers))
        self.assertLess(revocations_test.seconds(report.elapsed), MOST_SECONDS)

    def log_out_with_it(self, credential):
        report = self.daemon.logout(credential, wait=VERIFIERS).propagation
        self.assertTrue(report.complete)
        self.assertEqual(report.acknowledged, 1)


class Stopped(CutOff, harness.DaemonTest):

    SETTINGS = SETTINGS

    def test_what_was_ended_meanwhile_is_not_accepted_when_it_goes_on(self):
        probe = Probe(self.daemon.address)
        self.addCleanup(probe.close)
        for which in range(2):
            credentials = self.known_to(probe)
            ended = credentials[which]
            probe.stop()
            self.log_out_without_it(ended)
            # The first thing it does. What it was told lies unread before it,
            # and its lease of before is all that it knows to have.
            probe.tell("now", ended)
            probe.go_on()
            self.assertIn(probe.hear(), ("unknown", "refused"))
            probe.until("refused", "ask", ended)
            # It has found back: accepts what is good, and is waited for.
            kept = credentials[1 - which]
            probe.until("accepted", "now", kept)
            self.assertNotEqual(probe.says("now", ended), "accepted")
            self.log_out_with_it(kept)
            self.assertEqual(probe.says("ask", kept), "refused")


class Lost(CutOff):
    """Packets are lost on their way; neither end is told. A subclass has
    `daemon`, `probe`, and cut(towards) and mend()."""

    def lose(self, towards):
        credentials = self.known_to(self.probe)
        ended, kept = credentials
        self.cut(towards)
        self.log_out_without_it(ended)
        # Only to the server: then it may have been told.
        self.assertIn(self.probe.says("now", ended), ("unknown", "refused"))
        self.assertIn(self.probe.says("ask", ended), ("unknown", "refused"))
        # Nobody is accepted without a lease.
        self.assertEqual(self.probe.says("now", kept), "unknown")
        self.mend()
        self.probe.until("accepted", "now", kept)
        self.probe.until("refused", "ask", ended)
        self.assertNotEqual(self.probe.says("now", ended), "accepted")
        self.log_out_with_it(kept)
        self.assertEqual(self.probe.says("ask", kept), "refused")

    def test_both_ways(self):
        self.lose((wire.SERVER, wire.VERIFIER))

    def test_to_the_server(self):
        self.lose((wire.SERVER,))

    def test_to_the_verifier(self):
        self.lose((wire.VERIFIER,))


class HeldBack(Lost, unittest.TestCase):
    """By a program between them."""

    def setUp(self):
        self.daemon = harness.start_daemon(self, SETTINGS)
        self.between = relay.Relay(self.daemon.address)
        self.addCleanup(self.between.close)
        self.probe = Probe(self.between.address)
        self.addCleanup(self.probe.close)

    def cut(self, towards):
        self.between.hold(
            {wire.SERVER: relay.Relay.FORWARD,
             wire.VERIFIER: relay.Relay.BACK}[end] for end in towards)

    def mend(self):
        self.between.release()


class DaemonWithin(harness.Daemon):
    """A latchkeyd in a namespace of the network. The tests, which are not in
    there, speak to it by its Unix socket."""

    def __init__(self, settings, listen, before):
        super().__init__(["--listen", listen, "--insecure", *settings])
        self.before = before

    def command(self):
        return [*self.before, "setpriv", "--pdeathsig", "KILL",
                *super().command()]

    def start(self):
        super().start()
        self.public.channel.close()
        self.public = self.private
        return self


class Dropped(HeldBack):
    """By the system, in network namespaces of their own."""

    def setUp(self):
        try:
            self.wire = wire.Wire()
        except wire.NoNamespaces:
            # A container may forbid what Debian allows to everybody.
            print("NO NETWORK NAMESPACES: unshare -n is refused here, with -Ur "
                  "and without; a program holds packets back instead of the "
                  "system.", file=sys.stderr)
            self.wire = None
            super().setUp()
            return
        self.addCleanup(self.wire.close)
        self.daemon = DaemonWithin(SETTINGS, wire.ADDRESS[wire.SERVER] + ":0",
                                   self.wire.within(wire.SERVER)).start()
        self.addCleanup(self.daemon.close)
        self.probe = Probe(self.daemon.address,
                           self.wire.within(wire.VERIFIER))
        self.addCleanup(self.probe.close)

    def cut(self, towards):
        if self.wire is None:
            super().cut(towards)
        else:
            self.wire.drop(towards)

    def mend(self):
        if self.wire is None:
            super().mend()
        else:
            self.wire.mend()


class Stalled(CutOff, harness.DaemonTest):
    """It says what a good verifier says, but does not read."""

    SETTINGS = SETTINGS

    def test_without_reading_it_gets_no_lease(self):
        first, last, following = (self.login(JWT) for _ in range(3))
        others = [self.login(OPAQUE) for _ in range(100)]
        stalled = revocations_test.Verifier(self.daemon.public)
        self.addCleanup(stalled.close)
        stalled.begin()
        # As many answers as do not fit on the way: the server's writing stalls.
        for _ in range(5000):
            stalled.heartbeat()
        over = threading.Event()
        self.addCleanup(over.set)

        def beat():
            while not over.wait(INTERVAL / 5):
                stalled.heartbeat()
        threading.Thread(target=beat, daemon=True).start()
        self.log_out_without_it(first)
        for credential in others:
            self.daemon.logout(credential)
        # It lags now, whatever it says: nobody waits for it.
        report = self.daemon.logout(last, wait=VERIFIERS).propagation
        self.assertTrue(report.complete)
        self.assertEqual(report.verifiers, 0)
        over.set()
        # When it reads on it learns all, and has a lease when it says so.
        ended = 0
        while ended < len(others) + 2:
            response = next(stalled.call)
            if response.WhichOneof("message") == "batch":
                self.assertEqual(response.batch.after, stalled.applied)
                ended += len(response.batch.revocations)
                stalled.applied = response.batch.through
        stalled.heartbeat()
        while next(stalled.call).lease.nonce != stalled.nonce:
            pass
        stalled.follow()
        self.log_out_with_it(following)


if __name__ == "__main__":
    unittest.main()
