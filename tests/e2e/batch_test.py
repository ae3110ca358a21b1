"""BatchValidate over the wire; checks that are read by hand against the same
checks that go through the generated messages, byte by byte; and Ping."""

import random
import unittest

import grpc
import harness
from harness import JWT, auth_pb2

TIMEOUT = harness.CALL_TIMEOUT_SECONDS
VALIDATE = "/latchkey.v1.AuthService/Validate"
BATCH = "/latchkey.v1.AuthService/BatchValidate"
PING = "/latchkey.internal.v1.BenchmarkService/Ping"
MAX_BATCH = 100
SEED = 20261125


def varint(value, size=0):
    """Encodes `value` in `size` bytes, or in as few as will do."""
    out = bytearray()
    while value > 0x7f or len(out) + 1 < size:
        out.append(value & 0x7f | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)


def text(number, content, tag_size=0, length_size=0):
    return (varint(number << 3 | 2, tag_size) +
            varint(len(content), length_size) + content)


def flag(number, value, size=0):
    return varint(number << 3) + varint(value, size)


UNKNOWN = text(1000, b"later")


class Check:
    """One ValidateRequest, spelled in the plain way and in others."""

    def __init__(self, credential, audience=b"", passive=True):
        self.credential = credential
        self.audience = audience
        self.passive = passive

    def plain(self):
        """As Protobuf serializes it, which is what is read by hand."""
        return auth_pb2.ValidateRequest(
            credential=self.credential.decode(),
            audience=self.audience.decode(),
            passive=self.passive).SerializeToString()

    def fields(self):
        fields = [text(1, self.credential)]
        if self.audience:
            fields.append(text(2, self.audience))
        if self.passive:
            fields.append(flag(5, 1))
        return fields

    def odd(self):
        """Yields the same message in spellings that are not read by hand."""
        fields = self.fields()
        whole = b"".join(fields)
        yield "unknown field behind", whole + UNKNOWN
        yield "unknown field before", UNKNOWN + whole
        if len(fields) > 1:
            yield "other order", b"".join(reversed(fields))
        yield "credential twice", text(1, b"another") + whole
        if self.audience:
            yield "audience twice", text(2, b"another") + whole
        else:
            yield "empty audience behind", whole + text(2, b"")
        if self.passive:
            yield "passive twice", flag(5, 0) + whole
            yield "passive is 2", b"".join(fields[:-1]) + flag(5, 2)
            yield "long passive", b"".join(fields[:-1]) + flag(5, 1, size=3)
        else:
            yield "passive false", whole + flag(5, 0)
        yield ("long length",
               text(1, self.credential, length_size=4) + b"".join(fields[1:]))
        yield ("long tag",
               text(1, self.credential, tag_size=2) + b"".join(fields[1:]))


def outcome(stubs, method, request):
    """Returns what a call came to: its bytes, or its code and reason."""
    try:
        return stubs.raw(method, request)
    except grpc.RpcError as error:
        details = harness.Details(error)
        return (details.code, details.reason, details.message,
                tuple(sorted(details.fields.items())))


class WithSessions(harness.DaemonTest):
    """Credentials of every kind, over one server."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        daemon = cls.daemon
        password = daemon.create_account("alice", roles=["dev", "ops"])

        def login(*arguments, **fields):
            return daemon.login("alice", password, *arguments,
                                **fields).credential
        cls.login = staticmethod(login)
        cls.opaque = login()
        cls.jwt = login(JWT)
        cls.bound = login(audiences=["billing", "mail"])
        cls.labelled = login(client={
            "user_agent": "Ünïcode/1", "ip_address": "192.0.2.7",
            "device_label": "laptop"})
        cls.ended, cls.ended_jwt = login(), login(JWT)
        daemon.logout(cls.ended)
        daemon.logout(cls.ended_jwt)

    def batch(self, requests):
        return self.daemon.public.auth.BatchValidate(
            auth_pb2.BatchValidateRequest(requests=requests), timeout=TIMEOUT)


class BatchValidate(WithSessions):

    @staticmethod
    def passive(credential, **fields):
        return auth_pb2.ValidateRequest(credential=credential, passive=True,
                                        **fields)

    def refuses(self, requests, *fields):
        details = self.assertRefused(
            grpc.StatusCode.INVALID_ARGUMENT, "INVALID_FIELD",
            self.daemon.public.auth.BatchValidate,
            auth_pb2.BatchValidateRequest(requests=requests))
        self.assertEqual(set(details.fields), set(fields))

    def test_takes_one_to_a_hundred(self):
        good = self.passive(self.opaque)
        for count in (1, 2, MAX_BATCH - 1, MAX_BATCH):
            answer = self.batch([good] * count)
            self.assertEqual([r.active for r in answer.responses],
                             [True] * count)
        self.refuses([], "requests")
        self.refuses([good] * (MAX_BATCH + 1), "requests")

    def test_a_hundred_jwts_are_fine(self):
        fresh = [self.login(JWT) for _ in range(7)]
        requests = [self.passive(fresh[i % 7]) for i in range(MAX_BATCH)]
        answer = self.batch(requests)
        self.assertTrue(all(r.active for r in answer.responses))
        # Bad ones are looked through each time.
        bad = self.batch([self.passive(fresh[0][:-8] + "AAAAAAAA")] * MAX_BATCH)
        self.assertEqual(len(bad.responses), MAX_BATCH)
        self.assertFalse(any(r.active for r in bad.responses))

    def test_a_field_out_of_its_limits_is_named_with_its_place(self):
        good = self.passive(self.opaque)

        def with_third(**fields):
            return [good] * 3 + [auth_pb2.ValidateRequest(**fields)] + [good]
        self.refuses(with_third(credential="c" * 8193),
                     "requests[3].credential")
        self.refuses(with_third(credential=self.opaque, audience="a" * 257),
                     "requests[3].audience")
        self.refuses(with_third(credential=self.opaque, audience="a\x01b"),
                     "requests[3].audience")
        self.refuses(with_third(credential="c" * 8193, audience="a" * 257),
                     "requests[3].credential", "requests[3].audience")
        self.refuses(with_third(credential=self.opaque,
                                max_auth_age={"seconds": 0}),
                     "requests[3].max_auth_age")
        at_limit = self.batch(with_third(credential="c" * 8192,
                                         audience="a" * 256))
        self.assertEqual([r.active for r in at_limit.responses],
                         [True] * 3 + [False, True])

    def test_answers_each_as_validate_does_and_in_order(self):
        requests = [
            self.passive(self.opaque), self.passive("lks_unknown"),
            self.passive(self.jwt), self.passive(""),
            self.passive(self.ended), self.passive(self.labelled),
            self.passive(self.ended_jwt), self.passive(self.bound),
            self.passive(self.bound, audience="billing"),
            self.passive(self.bound, audience="chat"),
            self.passive(self.opaque, max_auth_age={"seconds": 3600}),
            self.passive(self.opaque, max_auth_age={"nanos": 1000}),
            self.passive(self.jwt[:-8] + "AAAAAAAA"), self.passive("a.b.c"),
            self.passive(self.jwt)]
        active = [1, 0, 1, 0, 0, 1, 0, 0, 1, 0, 1, 0, 0, 0, 1]
        rng = random.Random(SEED)
        for _ in range(5):
            answer = self.batch(requests)
            self.assertEqual([r.active for r in answer.responses],
                             [bool(a) for a in active])
            for request, response in zip(requests, answer.responses):
                self.assertFalse(response.HasField("revision"))
                alone = self.daemon.public.auth.Validate(request,
                                                         timeout=TIMEOUT)
                self.assertEqual(alone.revision, answer.revision)
                alone.ClearField("revision")
                self.assertEqual(response, alone)
            both = list(zip(requests, active))
            rng.shuffle(both)
            requests, active = (list(side) for side in zip(*both))

    def test_a_logout_is_seen_by_the_next_batch(self):
        for form in (harness.OPAQUE, JWT):
            credential = self.login(form)
            requests = [self.passive(self.opaque), self.passive(credential)]
            before = self.batch(requests)
            self.assertTrue(before.responses[1].active)
            self.daemon.logout(credential)
            after = self.batch(requests)
            self.assertEqual([r.active for r in after.responses],
                             [True, False])
            self.assertNotEqual(after.revision, before.revision)

    def test_is_activity_unless_passive(self):
        used, watched = self.login(), self.login(JWT)
        first = self.batch([self.passive(used), self.passive(watched)])
        self.batch([auth_pb2.ValidateRequest(credential=used),
                    self.passive(watched)])
        second = self.batch([self.passive(used), self.passive(watched)])

        def seen(answer, i):
            return answer.responses[i].session.last_seen_time.ToNanoseconds()
        self.assertGreater(seen(second, 0), seen(first, 0))
        self.assertEqual(seen(second, 1), seen(first, 1))


class ExpiredInBatch(harness.DaemonTest):
    SETTINGS = ("--jwt_life", "1s")

    def test_an_expired_jwt_does_not_disturb_the_others(self):
        password = self.daemon.create_account("alice")
        opaque = self.daemon.login("alice", password).credential
        jwt = self.daemon.login("alice", password, JWT).credential
        requests = [auth_pb2.ValidateRequest(credential=c, passive=True)
                    for c in (opaque, jwt, opaque)]
        # Its second passes while it is asked for.
        while True:
            answer = self.daemon.public.auth.BatchValidate(
                auth_pb2.BatchValidateRequest(requests=requests),
                timeout=TIMEOUT)
            active = [r.active for r in answer.responses]
            if not active[1]:
                break
        self.assertEqual(active, [True, False, True])


class SameEitherWay(WithSessions):
    """What is read and written by hand is what the messages say."""

    def credentials(self, rng):
        """Yields good credentials, and bad ones of many kinds."""
        good = [self.opaque, self.jwt, self.bound, self.labelled, self.ended,
                self.ended_jwt]
        for credential in good:
            yield credential.encode()
        for size in (0, 1, 127, 128, 129, 8191, 8192, 8193, 16383, 16384):
            yield b"c" * size
        for bad in ("lks_", "lks_" + "A" * 49, "a.b.c", "...", " ", "~", "\x7f",
                    "\x1f", "\n", "\0", "\u00e9", "\u2028", "\U0001f511",
                    self.opaque + "\0", self.opaque + " "):
            yield bad.encode()
        for _ in range(60):
            mutated = bytearray(rng.choice(good).encode())
            for _ in range(rng.randint(1, 3)):
                mutated[rng.randrange(len(mutated))] = rng.randrange(128)
            yield bytes(mutated)
        for _ in range(30):
            yield bytes(rng.randrange(0x20, 0x7f)
                        for _ in range(rng.randrange(300)))

    def checks(self, rng):
        audiences = (b"", b"", b"billing", b"mail", b"x", b"a" * 256,
                     b"a" * 257, "\u00e9".encode(), b"a\x01", b"~ a")
        for credential in self.credentials(rng):
            yield Check(credential)
            yield Check(credential, rng.choice(audiences))
        for audience in audiences:
            yield Check(self.bound.encode(), audience)

    def assertSame(self, method, plain, odd, name):
        expected = outcome(self.daemon.public, method, plain)
        actual = outcome(self.daemon.public, method, odd)
        self.assertEqual(actual, expected, "%s: %r" % (name, plain))
        if not isinstance(expected, bytes):
            self.assertEqual(expected[:2], (grpc.StatusCode.INVALID_ARGUMENT,
                                            "INVALID_FIELD"))

    def test_validate(self):
        for check in self.checks(random.Random(SEED)):
            for name, odd in check.odd():
                self.assertSame(VALIDATE, check.plain(), odd, name)

    def test_a_check_that_is_not_passive(self):
        # Its time moves, but nothing else; of a dead one not even that.
        for credential in (self.ended, self.ended_jwt, "", "lks_x", "a.b.c"):
            check = Check(credential.encode(), passive=False)
            for name, odd in check.odd():
                self.assertSame(VALIDATE, check.plain(), odd, name)
        for credential in (self.login(), self.login(JWT)):
            check = Check(credential.encode(), passive=False)
            for name, odd in check.odd():
                answers = [auth_pb2.ValidateResponse.FromString(
                    self.daemon.public.raw(VALIDATE, request))
                    for request in (check.plain(), odd)]
                seen = [a.session.last_seen_time.ToNanoseconds()
                        for a in answers]
                self.assertGreater(seen[1], seen[0], name)
                for answer in answers:
                    self.assertTrue(answer.active, name)
                    answer.ClearField("expire_time")
                    answer.session.ClearField("last_seen_time")
                    answer.session.ClearField("idle_expire_time")
                self.assertEqual(answers[0], answers[1], name)

    def test_batch_validate(self):
        rng = random.Random(SEED + 1)
        checks = list(self.checks(rng))
        fair = [check for check in checks if len(check.credential) <= 8192
                and len(check.audience) <= 256]
        for size in [1, 2, 3, 5, 8, 13] * 6 + [99, 100, 101]:
            chosen = [rng.choice(checks if size < 4 else fair)
                      for _ in range(size)]
            items = [check.plain() for check in chosen]
            plain = b"".join(text(1, item) for item in items)
            self.assertSame(BATCH, plain, plain + UNKNOWN, "unknown behind")
            self.assertSame(BATCH, plain, UNKNOWN + plain, "unknown before")
            self.assertSame(BATCH, plain, b"".join(
                text(1, item, length_size=4) for item in items), "long length")
            name, odd = rng.choice(list(chosen[-1].odd()))
            self.assertSame(BATCH, plain, b"".join(
                text(1, item) for item in items[:-1] + [odd]), name)

    def test_damaged_bytes_are_answered_or_the_callers_fault(self):
        rng = random.Random(SEED + 2)
        whole = Check(self.bound.encode(), b"billing").plain()
        items = [Check(c.encode()).plain()
                 for c in (self.opaque, self.jwt, self.ended)]
        batch = b"".join(text(1, item) for item in items)
        for method, message in ((VALIDATE, whole), (BATCH, batch)):
            damaged = [message[:size] for size in range(0, len(message), 3)]
            for _ in range(500):
                data = bytearray(message)
                for _ in range(rng.randint(1, 4)):
                    place = rng.randrange(len(data))
                    what = rng.randrange(3)
                    if what == 0:
                        data[place] = rng.randrange(256)
                    elif what == 1:
                        data.insert(place, rng.randrange(256))
                    else:
                        del data[place]
                damaged.append(bytes(data))
            damaged += [bytes(rng.randrange(256)
                              for _ in range(rng.randrange(40)))
                        for _ in range(200)]
            for data in damaged:
                here = outcome(self.daemon.public, method, data)
                if not isinstance(here, bytes):
                    self.assertEqual(
                        here[:2], (grpc.StatusCode.INVALID_ARGUMENT,
                                   "INVALID_FIELD"), data)
                # With a field behind it, it says the same, not read by hand.
                elif not self.moves_time(method, data):
                    self.assertEqual(
                        outcome(self.daemon.public, method, data + UNKNOWN),
                        here, data)

    @staticmethod
    def moves_time(method, data):
        """Tells whether some check in `data` is not passive."""
        if method == VALIDATE:
            return not auth_pb2.ValidateRequest.FromString(data).passive
        batch = auth_pb2.BatchValidateRequest.FromString(data)
        return not all(request.passive for request in batch.requests)


class Ping(unittest.TestCase):

    def test_is_unknown_unless_benchmarking(self):
        daemon = harness.start_daemon(self)
        for stubs in (daemon.public, daemon.private):
            self.assertEqual(outcome(stubs, PING, b"")[0],
                             grpc.StatusCode.UNIMPLEMENTED)

    def test_answers_nothing_on_the_network_alone(self):
        daemon = harness.start_daemon(self, ["--benchmark"])
        for request in (b"", b"\xff\xff", b"x" * 1000):
            self.assertEqual(outcome(daemon.public, PING, request), b"")
        self.assertEqual(outcome(daemon.private, PING, b"")[0],
                         grpc.StatusCode.UNIMPLEMENTED)


if __name__ == "__main__":
    unittest.main()
