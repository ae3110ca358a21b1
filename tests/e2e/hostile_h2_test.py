"""The attacks of tests/vectors/grpc_h2_hostile.json against the real server.

After each, a call on another connection is answered and what was acknowledged
is still there; the memory comes back, or the process ends at a limit that its
supervisor set and starts again. What happened is printed as a table:
`ctest --preset dev -R e2e_hostile_h2 -V`.
"""

import json
import os
import socket
import struct
import threading
import time
import unittest

import grpc
import harness
from harness import auth_pb2

with open(os.path.join(harness.SOURCE, "tests/vectors/grpc_h2_hostile.json"),
          encoding="utf-8") as vectors:
    VECTORS = json.load(vectors)
CASES = {case["name"]: case for case in VECTORS["cases"]}
PREFACE = bytes.fromhex(VECTORS["preface_hex"])
SETTINGS_ACK = bytes.fromhex(VECTORS["settings_ack_hex"])

# HTTP/2 (RFC 9113).
HEAD_BYTES = 9
DATA, HEADERS, RST_STREAM = 0, 1, 3
END_STREAM, END_HEADERS = 1, 4
SETTINGS_MAX_CONCURRENT_STREAMS = 3
CANCEL = 8

PING = (8).to_bytes(3, "big") + b"\6\0\0\0\0\0" + b"are you?"
PING_ANSWER = (8).to_bytes(3, "big") + b"\6\1\0\0\0\0" + b"are you?"
HEALTH = "/grpc.health.v1.Health/Check"
LOGIN = "/latchkey.v1.AuthService/Login"

# Attacks whose last header block is not over: any other frame would break it.
OPEN_HEADER_BLOCKS = ("continuation-flood", "hpack-1GiB-string-announced",
                      "hpack-varint-padding")

# Sanitizers are slower, and keep what was freed for a while.
SANITIZED = "TEST_SANITIZED" in os.environ
# A fresh call is answered within a second: in CPU of the server, since time
# would blame it for whatever else the machine does.
MOST_CPU_SECONDS = 20 if SANITIZED else 1
# What the process may have kept of all the attacks together: allocators keep
# what they use again.
MOST_KEPT_BYTES = (1024 if SANITIZED else 160) << 20
TIMEOUT = harness.CALL_TIMEOUT_SECONDS


def frames_of(data):
    at = 0
    while at < len(data):
        size = int.from_bytes(data[at:at + 3], "big")
        yield data[at:at + HEAD_BYTES + size]
        at += HEAD_BYTES + size


def moved(data, streams):
    """Returns the frames of `data` as they look `streams` streams later."""
    out = bytearray()
    for one in frames_of(data):
        stream = int.from_bytes(one[5:9], "big")
        if stream:
            stream += 2 * streams
        out += one[:5] + struct.pack(">I", stream) + one[9:]
    return bytes(out)


def frame(kind, flags, stream, payload):
    return (len(payload).to_bytes(3, "big") + bytes((kind, flags)) +
            struct.pack(">I", stream) + payload)


def unary_call(stream, method, message):
    """Returns HEADERS and DATA of a call, its header literal, no Huffman."""
    block = bytearray()
    for name, value in ((":method", "POST"), (":scheme", "http"),
                        (":path", method), (":authority", "l"),
                        ("te", "trailers"),
                        ("content-type", "application/grpc")):
        block += bytes((0, len(name))) + name.encode()
        block += bytes((len(value),)) + value.encode()
    body = b"\0" + struct.pack(">I", len(message)) + message
    return (frame(HEADERS, END_HEADERS, stream, bytes(block)) +
            frame(DATA, END_STREAM, stream, body))


class Attacker:
    """A connection that says what it likes. What the server says is read by a
    thread, so that the server is never held up by us."""

    def __init__(self, address):
        host, port = address.rsplit(":", 1)
        self.socket = socket.create_connection((host, int(port)))
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.received = bytearray()
        self.closed = threading.Event()  # by the server
        self.greeted = threading.Event()
        self.reader = threading.Thread(target=self._read, daemon=True)
        self.reader.start()

    def _read(self):
        while True:
            try:
                data = self.socket.recv(1 << 16)
            except OSError:
                data = b""
            if not data:
                break
            self.received += data
            # Its SETTINGS come first, and more at once: they are there whole.
            if len(self.received) > HEAD_BYTES:
                self.greeted.set()
        self.closed.set()
        self.greeted.set()

    def greet(self):
        # One that is turned away at the door is closed before it has said this.
        self.send(PREFACE)
        self.greeted.wait()
        self.send(SETTINGS_ACK)

    def streams_allowed(self):
        """Returns what the server announced in its first SETTINGS."""
        size = int.from_bytes(self.received[:3], "big")
        settings = self.received[HEAD_BYTES:HEAD_BYTES + size]
        for at in range(0, len(settings), 6):
            number, value = struct.unpack_from(">HI", settings, at)
            if number == SETTINGS_MAX_CONCURRENT_STREAMS:
                return value
        raise AssertionError("no limit of streams was announced")

    def send(self, data):
        """Returns whether the server still listened."""
        try:
            self.socket.sendall(data)
        except OSError:
            return False
        return True

    def await_close(self, shows_life):
        """Returns whether the server closes, rather than show that it lives
        by saying `shows_life`."""
        while shows_life not in self.received and not self.closed.is_set():
            self.closed.wait(0.01)
        return self.closed.is_set()

    def hang_up(self):
        # The reader ends by it, too, which close() alone would not see to.
        try:
            self.socket.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass
        self.reader.join()
        self.socket.close()


class LimitedDaemon(harness.Daemon):
    """A server with few descriptors."""

    MOST_DESCRIPTORS = 256

    def command(self):
        return (["prlimit", "--nofile=%d" % self.MOST_DESCRIPTORS] +
                super().command())


def rss_bytes(daemon):
    with open("/proc/%d/statm" % daemon.process.pid) as statm:
        return int(statm.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def cpu_seconds(daemon):
    with open("/proc/%d/stat" % daemon.process.pid) as stat:
        fields = stat.read().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def send_steps(attacker, steps):
    """Returns whether the server took it all."""
    for step in steps:
        data = bytes.fromhex(step["send_hex"])
        repeat = step["repeat"]
        if "limit 100" in step["note"]:  # as many above the limit that is ours
            repeat += attacker.streams_allowed() - 100
        for i in range(repeat):
            # Each repeat of a call is a stream of its own.
            each = moved(data, i) if data[3] == HEADERS else data
            if not attacker.send(each):
                return False
    return True


def fresh_call(daemon):
    """Makes a call on a new connection and returns how long it took: time, and
    CPU of the server."""
    begin, begin_cpu = time.monotonic(), cpu_seconds(daemon)
    caller = Attacker(daemon.address)
    caller.greet()
    caller.send(unary_call(1, HEALTH, b""))
    closed = caller.await_close(shows_life=b"grpc-status")
    cpu = cpu_seconds(daemon) - begin_cpu
    seconds = time.monotonic() - begin
    caller.hang_up()
    assert not closed, "a well-behaved caller was cut off"
    return seconds, cpu


class Table:
    """What each attack did, printed when all are done."""

    rows = []

    @classmethod
    def add(cls, name, connection, seconds, kept, process="stays"):
        cls.rows.append((name, connection, "%.0f ms" % (seconds * 1000),
                         "%+.1f MB" % (kept / 1e6), process))

    @classmethod
    def show(cls):
        head = ("attack", "its connection", "fresh call", "memory kept",
                "process")
        widths = [max(len(row[i]) for row in [head, *cls.rows])
                  for i in range(len(head))]
        for row in [head, *cls.rows]:
            print("  ".join(text.ljust(width)
                            for text, width in zip(row, widths)).rstrip())


def tearDownModule():
    Table.show()


class HostileH2(harness.DaemonTest):

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        password = cls.daemon.create_account("alice")
        cls.credential = cls.daemon.login("alice", password).credential
        cls.start_bytes = rss_bytes(cls.daemon)

    @classmethod
    def attack(cls, name):
        """Returns what became of the attacker's connection, and how a fresh
        call fared."""
        attacker = Attacker(cls.daemon.address)
        try:
            attacker.greet()
            took_all = send_steps(attacker, CASES[name]["steps"])
            seconds, cpu = fresh_call(cls.daemon)
            closed = not took_all or attacker.closed.is_set()
            if not closed and name not in OPEN_HEADER_BLOCKS:
                attacker.send(PING)
                closed = attacker.await_close(shows_life=PING_ANSWER)
        finally:
            attacker.hang_up()
        return "closed" if closed else "stays open", seconds, cpu

    def survives(self, name):
        before = rss_bytes(self.daemon)
        connection, seconds, cpu = self.attack(name)
        self.assertLess(cpu, MOST_CPU_SECONDS)
        self.assertIsNone(self.daemon.process.poll())
        self.assertTrue(self.daemon.validate(self.credential).active)
        self.await_memory()
        Table.add(name, connection, seconds, rss_bytes(self.daemon) - before)

    def await_memory(self):
        """Waits until the memory is back. What was cut off ends on the
        server's threads, and its memory with it."""
        deadline = time.monotonic() + TIMEOUT
        while True:
            kept = rss_bytes(self.daemon) - self.start_bytes
            if kept <= MOST_KEPT_BYTES:
                return
            self.assertLess(time.monotonic(), deadline,
                            "%d bytes more than at the start" % kept)
            fresh_call(self.daemon)

    def test_a_call_is_answered(self):
        attacker = Attacker(self.daemon.address)
        attacker.greet()
        send_steps(attacker, CASES["control-one-call"]["steps"])
        self.assertFalse(attacker.await_close(shows_life=b"grpc-status"))
        attacker.hang_up()

    def test_bad_headers_end_their_own_connection_at_most(self):
        for name in ("te-not-trailers-then-9000-byte-header",
                     "scheme-x-then-9000-byte-header",
                     "grpclb-client-stats-then-9000-byte-header",
                     "bad-base64-in-bin-header-with-a-second-call-in-flight",
                     "header-over-8KiB-with-a-second-call-in-flight"):
            with self.subTest(name):
                self.survives(name)

    def test_header_blocks_without_an_end_give_their_memory_back(self):
        for name in OPEN_HEADER_BLOCKS:
            with self.subTest(name):
                self.survives(name)

    def test_floods_of_frames_and_streams_leave_others_alone(self):
        for name in ("rapid-reset", "streams-over-the-limit", "ping-flood",
                     "settings-flood"):
            with self.subTest(name):
                self.survives(name)

    def test_resets_again_and_again_keep_no_more(self):
        # The allocator keeps what the first ones took, for the next ones: how
        # much that is depends on how many of their streams met each other.
        for _ in range(5):
            self.attack("rapid-reset")
        type(self).start_bytes = rss_bytes(self.daemon)
        for _ in range(5):
            self.attack("rapid-reset")
        self.await_memory()

    def test_a_compressed_bomb_is_not_inflated(self):
        self.survives("gzip-bomb-1MiB")

    def test_who_says_nothing_is_closed(self):
        idle = [Attacker(self.daemon.address) for _ in range(50)]
        begin = time.monotonic()
        for attacker in idle:
            attacker.closed.wait()
            attacker.hang_up()
        after = time.monotonic() - begin
        seconds, _ = fresh_call(self.daemon)
        Table.add("idle-before-preface", "closed after %.0f s" % after,
                  seconds, 0)


class ResetLogins(unittest.TestCase):
    """3,000 logins that are taken back must not become 3,000 hashes."""

    # So dear that they stand out of all else that a call costs.
    SETTINGS = ("--hash_time_cost", "10", "--hash_memory_kib", "19456")
    LOGINS = 3000
    # Those that were under way or in the queue's front when they were taken
    # back, with a wide margin.
    MOST_HASHES = 150

    def test_are_not_hashed(self):
        daemon = harness.start_daemon(self, self.SETTINGS)
        password = daemon.create_account("alice")
        one_login = min(self.cpu_of_login(daemon, password) for _ in range(3))
        request = auth_pb2.LoginRequest(
            account="alice", password=password).SerializeToString()
        pair = (unary_call(1, LOGIN, request) +
                frame(RST_STREAM, 0, 1, struct.pack(">I", CANCEL)))
        begin = cpu_seconds(daemon)
        attacker = Attacker(daemon.address)
        attacker.greet()
        for i in range(self.LOGINS):
            attacker.send(moved(pair, i))
        seconds, _ = fresh_call(daemon)
        # All were read, and then whatever of them was waiting had its turn.
        attacker.send(PING)
        self.assertFalse(attacker.await_close(shows_life=PING_ANSWER))
        daemon.login_at_last("alice", password)
        spent = cpu_seconds(daemon) - begin
        attacker.hang_up()
        hashes = spent / one_login
        Table.add("reset-logins", "%.0f hashes' CPU at most" % hashes, seconds,
                  0)
        self.assertLess(hashes, self.MOST_HASHES)
        # None of them opened a session: three before, and the one after.
        self.assertEqual(len(daemon.list_sessions("alice")), 4)

    @staticmethod
    def cpu_of_login(daemon, password):
        begin = cpu_seconds(daemon)
        daemon.login("alice", password)
        return max(cpu_seconds(daemon) - begin, 0.01)


class MemoryLimit(unittest.TestCase):
    """A header block without an end grows as long as it is sent. The test is
    the supervisor, which ends the process at a limit and starts it again."""

    LIMIT_BYTES = 192 << 20  # beyond what the process has at its start
    FRAMES_AT_ONCE = 1000

    def test_ends_the_process_and_no_acknowledged_write(self):
        daemon = harness.start_daemon(self)
        password = daemon.create_account("alice")
        start = rss_bytes(daemon)
        begin, more = CASES["continuation-flood"]["steps"]
        flood = bytes.fromhex(more["send_hex"]) * self.FRAMES_AT_ONCE
        attacker = Attacker(daemon.address)
        attacker.greet()
        attacker.send(bytes.fromhex(begin["send_hex"]))
        acknowledged = []
        while rss_bytes(daemon) < start + self.LIMIT_BYTES:
            if not attacker.send(flood):
                break
            login = daemon.login("alice", password)
            acknowledged.append(login.credential)
        refused = attacker.closed.is_set()
        if not refused:
            daemon.kill()
        attacker.hang_up()
        if not refused:
            daemon.start()
        for credential in acknowledged:
            self.assertTrue(daemon.validate(credential).active)
        seconds, _ = fresh_call(daemon)
        Table.add("continuation-flood until a memory limit",
                  "closed" if refused else "stays open", seconds, 0,
                  "stays" if refused else "restarted, nothing lost")


class Descriptors(unittest.TestCase):

    def test_come_back_after_they_ran_out(self):
        daemon = LimitedDaemon().start()
        self.addCleanup(daemon.close)
        host, port = daemon.address.rsplit(":", 1)
        crowd = []
        for _ in range(daemon.MOST_DESCRIPTORS + 144):
            try:
                crowd.append(socket.create_connection((host, int(port))))
            except ConnectionError:
                pass  # refused as it was made
        for one in crowd:
            one.close()
        seconds, _ = self.call_at_last(daemon)
        Table.add("fd-exhaustion", "closed", seconds, 0)

    @staticmethod
    def call_at_last(daemon):
        # The crowd's places become free when the server sees them go.
        deadline = time.monotonic() + TIMEOUT
        while True:
            try:
                return fresh_call(daemon)
            except (AssertionError, ConnectionError):
                if time.monotonic() > deadline:
                    raise


if __name__ == "__main__":
    unittest.main()
