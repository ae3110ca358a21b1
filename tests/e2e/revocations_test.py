"""What is taken back, and how far it has come: the stream of verifiers and the
wait for them, through the real server. The verifier here says and does just
what a test wants; the library's own is tested elsewhere."""

import base64
import json
import queue
import threading
import time
import unittest

import grpc
import harness
from google.protobuf import duration_pb2
from harness import (account_pb2, auth_pb2, key_pb2, revocation_pb2,
                     session_pb2, session_service_pb2)

TIMEOUT = harness.CALL_TIMEOUT_SECONDS
VERIFIERS = session_pb2.PROPAGATION_WAIT_VERIFIERS

# Short, so that the tests are.
LEASE, INTERVAL = 0.8, 0.2
BEAT_SECONDS = INTERVAL / 2
SETTINGS = ("--lease_ttl", "%dms" % (LEASE * 1000),
            "--heartbeat_interval", "%dms" % (INTERVAL * 1000))


def seconds(duration):
    return duration.seconds + duration.nanos / 1e9


def number_of(revision):
    return int.from_bytes(base64.urlsafe_b64decode(revision.token)[16:], "big")


class Verifier:
    """One stream, of which every message is sent by hand."""

    def __init__(self, stubs, epoch=b"", resume=0, metadata=()):
        self.sends = queue.Queue()
        self.over = threading.Event()
        self.beating = threading.Lock()
        self.nonce = 0
        self.applied = 0
        self.call = stubs.revocations.WatchRevocations(
            iter(self.sends.get, None), timeout=TIMEOUT, metadata=metadata)
        self.send(subscribe=revocation_pb2.Subscribe(epoch=epoch,
                                                     resume=resume))

    def send(self, **message):
        self.sends.put(revocation_pb2.WatchRevocationsRequest(**message))

    def heartbeat(self, **fields):
        with self.beating:
            self.nonce += 1
            fields.setdefault("applied", self.applied)
            self.send(heartbeat=revocation_pb2.Heartbeat(nonce=self.nonce,
                                                         **fields))

    def next(self, kind):
        """Returns the next message, which must be of that kind."""
        response = next(self.call)
        assert response.WhichOneof("message") == kind, response
        return getattr(response, kind)

    def begin(self):
        """Learns all there is and gets a lease; returns the welcome."""
        welcome = self.next("welcome")
        self.applied = welcome.after
        self.next("key_set")
        self.heartbeat()
        for response in self.call:
            kind = response.WhichOneof("message")
            if kind == "batch":
                assert response.batch.after == self.applied, response
                self.applied = response.batch.through
                self.heartbeat()
            elif kind == "lease" and response.lease.revision <= self.applied:
                return welcome
        raise AssertionError("the stream ended")

    def follow(self):
        """Goes on by itself, as a good verifier, until close: it says what
        it knows at once, and that it is there now and then."""
        def beat():
            while not self.over.wait(BEAT_SECONDS):
                self.heartbeat()

        def run():
            try:
                for response in self.call:
                    if response.WhichOneof("message") == "batch":
                        self.applied = response.batch.through
                        self.heartbeat()
            except grpc.RpcError:
                pass
        threading.Thread(target=run, daemon=True).start()
        threading.Thread(target=beat, daemon=True).start()

    def close(self):
        self.over.set()
        self.sends.put(None)
        self.call.cancel()

    def error(self):
        """Returns how the stream ended, having read it to the end."""
        try:
            for _ in self.call:
                pass
        except grpc.RpcError as error:
            return harness.Details(error)
        raise AssertionError("the stream ended well")


class Streams(harness.DaemonTest):

    SETTINGS = SETTINGS

    def verifier(self, **options):
        result = Verifier(self.daemon.public, **options)
        self.addCleanup(result.close)
        return result

    def login(self, name, form=harness.OPAQUE):
        return self.daemon.login(name, self.daemon.create_account(name), form)

    def test_a_welcome_tells_what_holds_and_the_keys_follow(self):
        verifier = self.verifier()
        welcome = verifier.next("welcome")
        self.assertEqual(len(welcome.epoch), 16)
        self.assertEqual(welcome.after, 0)
        self.assertEqual(seconds(welcome.heartbeat_interval), INTERVAL)
        self.assertEqual(seconds(welcome.activity_interval), 15)
        keys = json.loads(verifier.next("key_set").jwks)["keys"]
        published = self.daemon.public.keys.GetJwks(
            key_pb2.GetJwksRequest(), timeout=TIMEOUT).jwks
        self.assertEqual(keys, json.loads(published)["keys"])

    def test_a_heartbeat_gets_a_lease_and_a_logout_comes_by_itself(self):
        login = self.login("watched")
        verifier = self.verifier()
        verifier.begin()
        answer = self.daemon.logout(login.credential)
        batch = verifier.next("batch")
        self.assertEqual([bytes(one.session_id).hex()
                          for one in batch.revocations],
                         [login.session.name.rpartition("/")[2]])
        self.assertEqual(batch.through, number_of(answer.revision))
        self.assertGreater(batch.revocations[0].drop_time.seconds,
                           login.session.expire_time.seconds)

    def test_accounts_and_keys_are_taken_back_as_such(self):
        login = self.login("whole")
        verifier = self.verifier()
        verifier.begin()
        account = self.daemon.private.accounts.DisableAccount(
            account_pb2.DisableAccountRequest(name=login.session.account),
            timeout=TIMEOUT).account
        one = verifier.next("batch").revocations[0]
        self.assertEqual(bytes(one.account.account_uid).hex(), account.uid)
        self.assertGreater(one.account.lowest_good_generation, 0)
        kid = self.daemon.private.keys.ListKeys(
            key_pb2.ListKeysRequest(), timeout=TIMEOUT).keys[0].kid
        successor = self.daemon.private.keys.RevokeKey(
            key_pb2.RevokeKeyRequest(kid=kid), timeout=TIMEOUT).successor.kid
        kids = []
        while kids != [successor]:
            response = next(verifier.call)
            for revocation in response.batch.revocations:
                self.assertEqual(revocation.kid, kid)
            if response.HasField("key_set"):
                kids = [key["kid"]
                        for key in json.loads(response.key_set.jwks)["keys"]]

    def test_whoever_resumes_learns_what_was_missed_and_no_more(self):
        first, second = self.login("missed1"), self.login("missed2")
        verifier = self.verifier()
        epoch = verifier.begin().epoch
        self.daemon.logout(first.credential)
        seen = verifier.next("batch").through
        verifier.close()
        self.daemon.logout(second.credential)
        again = self.verifier(epoch=epoch, resume=seen)
        self.assertEqual(again.next("welcome").after, seen)
        again.next("key_set")
        batch = again.next("batch")
        self.assertEqual([bytes(one.session_id).hex()
                          for one in batch.revocations],
                         [second.session.name.rpartition("/")[2]])

    def test_a_revision_of_another_epoch_or_to_come_begins_anew(self):
        epoch = self.verifier().next("welcome").epoch
        for options in ({"epoch": b"x" * 16, "resume": 1},
                        {"epoch": epoch, "resume": 1 << 60}):
            self.assertEqual(self.verifier(**options).next("welcome").after, 0)

    def test_what_may_not_be_said_ends_the_stream(self):
        use = revocation_pb2.SessionActivity(session_id=b"x" * 16)
        beat = revocation_pb2.Heartbeat
        for what, field in (
                ({"subscribe": revocation_pb2.Subscribe()}, "message"),
                ({}, "message"),
                ({"heartbeat": beat(applied=1 << 60)}, "message"),
                ({"heartbeat": beat(activity=[use] * 1001)},
                 "heartbeat.activity"),
                ({"heartbeat": beat(activity=[
                    revocation_pb2.SessionActivity(session_id=b"short")])},
                 "heartbeat.activity.session_id"),
                ({"heartbeat": beat(activity=[revocation_pb2.SessionActivity(
                    session_id=b"x" * 16,
                    age=duration_pb2.Duration(seconds=-1))])},
                 "heartbeat.activity.age"),
                ({"heartbeat": beat(accepted_staleness=duration_pb2.Duration(
                    nanos=1 << 30))}, "heartbeat.accepted_staleness")):
            with self.subTest(what=list(what), field=field):
                verifier = self.verifier()
                verifier.begin()
                verifier.send(**what)
                details = verifier.error()
                self.assertEqual(details.code,
                                 grpc.StatusCode.INVALID_ARGUMENT)
                self.assertEqual(set(details.fields), {field})

    def test_why_a_stream_ends_is_told_though_a_write_is_under_way(self):
        # The lease that answers the heartbeat may be on its way yet.
        for _ in range(100):
            verifier = self.verifier()
            verifier.begin()
            verifier.heartbeat()
            verifier.send()
            details = verifier.error()
            self.assertEqual(details.code, grpc.StatusCode.INVALID_ARGUMENT)
            verifier.close()

    def test_an_epoch_of_another_size_is_refused(self):
        details = self.verifier(epoch=b"short").error()
        self.assertEqual(set(details.fields), {"subscribe.epoch"})

    def test_reported_use_is_activity(self):
        login = self.login("busy")
        session_id = bytes.fromhex(login.session.name.rpartition("/")[2])
        name = session_service_pb2.GetSessionRequest(name=login.session.name)
        verifier = self.verifier()
        verifier.begin()
        # As many as there may be, and again: each is noted before the next.
        unknown = [revocation_pb2.SessionActivity(session_id=b"x" * 16)] * 999
        for _ in range(5):
            verifier.heartbeat(activity=unknown + [
                revocation_pb2.SessionActivity(session_id=session_id)])
        while verifier.next("lease").nonce != verifier.nonce:
            pass
        before = login.session.last_seen_time.ToNanoseconds()
        while True:  # noted off the stream
            seen = self.daemon.private.sessions.GetSession(
                name, timeout=TIMEOUT).session.last_seen_time
            if seen.ToNanoseconds() > before:
                break


class WaitingTest:
    """What tests of waiting begin with."""

    def verifier(self):
        result = Verifier(self.daemon.public)
        self.addCleanup(result.close)
        result.begin()
        return result

    def login(self, name):
        return self.daemon.login(name, self.daemon.create_account(name))

    def end(self, login, **fields):
        """Logs out, and returns the answer."""
        answer = self.daemon.logout(login.credential, **fields)
        self.assertEqual(answer.ended_count, 1)
        self.assertFalse(self.daemon.validate(login.credential).active)
        return answer


class Waiting(WaitingTest, harness.DaemonTest):

    SETTINGS = SETTINGS

    def test_durable_reports_nothing(self):
        answer = self.end(self.login("durable"))
        self.assertFalse(answer.HasField("propagation"))

    def test_with_nobody_to_wait_for_it_is_complete_at_once(self):
        self.end(self.login("warmup"), wait=VERIFIERS)
        report = self.end(self.login("alone"), wait=VERIFIERS).propagation
        self.assertTrue(report.complete)
        self.assertEqual(report.verifiers, report.lease_expired)

    def test_a_verifier_that_is_silent_loses_its_lease(self):
        self.end(self.login("earlier"), wait=VERIFIERS)
        password = self.daemon.create_account("silent")
        while True:
            # Logged in before there is a lease, so that it lasts till the
            # logout; where it did not, there was nobody to wait for.
            login = self.daemon.login("silent", password)
            self.verifier()
            report = self.end(login, wait=VERIFIERS).propagation
            if report.verifiers > 0:
                break
        self.assertTrue(report.complete)
        self.assertEqual((report.verifiers, report.acknowledged,
                          report.lease_expired), (1, 0, 1))

    def test_a_malformed_wait_takes_nothing_back(self):
        login = self.login("kept")
        for fields, field in (
                ({"wait": 7}, "wait"),
                ({"wait": VERIFIERS, "wait_timeout":
                  duration_pb2.Duration(nanos=999999)}, "wait_timeout"),
                ({"wait": VERIFIERS, "wait_timeout":
                  duration_pb2.Duration(seconds=61)}, "wait_timeout"),
                ({"wait_timeout": duration_pb2.Duration(seconds=-1)},
                 "wait_timeout")):
            details = self.assertRefused(
                grpc.StatusCode.INVALID_ARGUMENT, "INVALID_FIELD",
                self.daemon.public.auth.Logout,
                auth_pb2.LogoutRequest(credential=login.credential, **fields))
            self.assertEqual(set(details.fields), {field})
        self.assertTrue(self.daemon.validate(login.credential).active)


class WithinALease(WaitingTest, unittest.TestCase):
    """Each over a server of its own, whose leases last longer than the test:
    none is over before it is looked at, and none is waited out."""

    def setUp(self):
        self.daemon = harness.start_daemon(
            self, SETTINGS + ("--lease_ttl", "30s"))

    def test_a_verifier_that_follows_is_not_waited_out(self):
        login = self.login("followed")
        self.verifier().follow()
        report = self.end(login, wait=VERIFIERS).propagation
        self.assertTrue(report.complete)
        self.assertEqual((report.verifiers, report.acknowledged), (1, 1))

    def test_when_the_time_is_over_the_logout_stands(self):
        login = self.login("hurried")
        self.verifier()
        report = self.end(login, wait=VERIFIERS,
                          wait_timeout=duration_pb2.Duration(
                              nanos=1000000)).propagation
        self.assertFalse(report.complete)
        self.assertEqual((report.verifiers, report.acknowledged,
                          report.lease_expired), (1, 0, 0))

    def test_every_way_of_taking_back_waits(self):
        account = self.login("each").session.account
        session = self.login("some").session.name
        self.verifier().follow()
        accounts = self.daemon.private.accounts
        kid = self.daemon.private.keys.ListKeys(
            key_pb2.ListKeysRequest(), timeout=TIMEOUT).keys[0].kid
        for method, request in (
                (self.daemon.private.sessions.RevokeSession,
                 session_service_pb2.RevokeSessionRequest(name=session)),
                (accounts.UpdateAccount,
                 account_pb2.UpdateAccountRequest(name=account, roles=["r"])),
                (accounts.SetPassword,
                 account_pb2.SetPasswordRequest(
                     name=account, password="another password")),
                (accounts.DisableAccount,
                 account_pb2.DisableAccountRequest(name=account)),
                (accounts.DeleteAccount,
                 account_pb2.DeleteAccountRequest(name=account)),
                (self.daemon.private.keys.RevokeKey,
                 key_pb2.RevokeKeyRequest(kid=kid))):
            request.wait = VERIFIERS
            with self.subTest(request=type(request).__name__):
                report = method(request, timeout=TIMEOUT).propagation
                self.assertTrue(report.complete)
                self.assertEqual(report.verifiers, 1)

    def test_the_command_line_waits_and_says_if_it_was_in_vain(self):
        name = "terminal"
        password = self.daemon.create_account(name)
        for expected in (0, 1):
            if expected == 1:
                self.verifier()
            credential = self.daemon.login(name, password).credential
            done = harness.run_cli(self.daemon, "logout",
                                   "--credential-stdin", "--wait",
                                   "--wait-timeout", "5ms",
                                   stdin=credential.encode())
            self.assertEqual(done.code, expected, done.err)
            self.assertEqual(done.out, "ended  1\n")
        self.assertIn("1 of 1 verifiers may still accept", done.err)


class Alone(unittest.TestCase):

    def test_validators_alone_may_watch(self):
        daemon = harness.start_daemon(
            self, SETTINGS + ("--open_validate", "no",
                              "--grant", "account:v=validator"))
        for name, reason in ((None, "NOT_PERMITTED"), ("w", "NOT_PERMITTED"),
                             ("v", None)):
            metadata = ()
            if name:
                login = daemon.login_service(name, daemon.create_service(name))
                metadata = (("authorization", "Bearer " + login.credential),)
            verifier = Verifier(daemon.public, metadata=metadata)
            if reason:
                self.assertEqual(verifier.error().reason, reason)
        verifier.begin()
        # Its credential ends: with the next heartbeat, so does the stream.
        daemon.logout(login.credential)
        verifier.heartbeat()
        self.assertEqual(verifier.error().reason, "CALLER_REFUSED")

    def test_more_verifiers_than_are_wanted_are_told_when_to_come(self):
        daemon = harness.start_daemon(self,
                                      SETTINGS + ("--max_verifiers", "1"))
        first = Verifier(daemon.public)
        first.begin()
        details = Verifier(daemon.public).error()
        self.assertEqual(details.code, grpc.StatusCode.RESOURCE_EXHAUSTED)
        self.assertEqual(details.reason, "TOO_MANY_VERIFIERS")
        self.assertGreater(details.retry_seconds, LEASE)
        first.close()

    def test_a_restart_ends_streams_and_waits_out_what_was_granted(self):
        lease = 3  # so long that a restart and a login are done before
        daemon = harness.start_daemon(
            self, SETTINGS + ("--lease_ttl", "%ds" % lease))
        password = daemon.create_account("alice")
        gone = daemon.login("alice", password)
        verifier = Verifier(daemon.public)
        epoch = verifier.begin().epoch
        seen = verifier.applied
        daemon.logout(gone.credential)
        daemon.process.send_signal(harness.signal.SIGTERM)
        details = verifier.error()
        self.assertEqual(details.reason, "SHUTTING_DOWN")
        self.assertEqual(daemon.process.wait(), 0)
        daemon.process.stdout.close()
        restarted = time.monotonic()
        daemon.start()
        kept = daemon.login("alice", password)
        answer = daemon.logout(kept.credential, wait=VERIFIERS,
                               wait_timeout=duration_pb2.Duration(
                                   nanos=1000000))
        # What the process before has granted is not known to have ended, but
        # on a machine so slow that it has.
        if time.monotonic() - restarted < lease:
            self.assertFalse(answer.propagation.complete)
        self.assertTrue(daemon.logout(kept.credential,
                                      wait=VERIFIERS).propagation.complete)
        again = Verifier(daemon.public, epoch=epoch, resume=seen)
        self.assertEqual(again.next("welcome").after, seen)
        again.next("key_set")
        ended = [bytes(one.session_id).hex()
                 for one in again.next("batch").revocations]
        self.assertEqual(ended, [one.session.name.rpartition("/")[2]
                                 for one in (gone, kept)])
        again.close()


if __name__ == "__main__":
    unittest.main()
