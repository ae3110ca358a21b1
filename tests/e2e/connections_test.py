"""What connections may take: how many there are, how long they live, and what
goes over one. Loopback has no limit per source; that one is a unit test's."""

import os
import queue
import resource
import shutil
import signal
import socket
import struct
import unittest

import grpc
import harness
import plain_http2
from harness import auth_pb2
from metrics_test import Scrape

TIMEOUT = harness.CALL_TIMEOUT_SECONDS
CHECK = "/grpc.health.v1.Health/Check"
WATCH = "/grpc.health.v1.Health/Watch"
SERVING = b"\x08\x01"
NOT_SERVING = b"\x08\x02"


def is_closed(connection):
    """Waits for a byte, or for the end, whichever comes."""
    try:
        return connection.recv(1) == b""
    except ConnectionError:
        return True


class LimitedDaemon(harness.Daemon):
    """A server that may open as many files as it is told."""

    LIMIT = 256

    def command(self):
        return ["prlimit", "--nofile=%d:%d" % (self.LIMIT, self.LIMIT),
                *super().command()]


class Descriptors(unittest.TestCase):

    def start(self, *settings):
        daemon = LimitedDaemon(settings)
        daemon.environment = harness.UBSAN_WITHOUT_DESCRIPTORS
        daemon.start()
        self.addCleanup(daemon.close)
        return daemon

    def connect(self, daemon, count):
        host, _, port = daemon.address.rpartition(":")
        made = []
        self.addCleanup(lambda: [one.close() for one in made])
        for _ in range(count):
            try:
                made.append(socket.create_connection((host, int(port))))
            except ConnectionError:
                pass  # refused as it was made
        return made

    def answers_a_new_client(self, daemon):
        """Asks until there is an answer: room is found when it is looked for."""
        while True:
            stubs = harness.Stubs(daemon.address)
            try:
                return stubs.raw(CHECK)
            except grpc.RpcError as error:
                if error.code() != grpc.StatusCode.UNAVAILABLE:
                    raise
            finally:
                stubs.channel.close()

    def test_400_connections_to_256_descriptors_are_survived(self):
        daemon = self.start()
        password = daemon.create_account("alice")
        daemon.validate("x")  # connects
        made = self.connect(daemon, 400)
        # Who was there before is served; so is the operator who comes now.
        daemon.login("alice", password)
        operator = harness.Stubs(daemon.admin_address)
        operator.raw("/latchkey.v1.AdminService/GetServerInfo")
        operator.channel.close()
        open_now = len(os.listdir("/proc/%d/fd" % daemon.process.pid))
        self.assertLess(open_now, LimitedDaemon.LIMIT)
        for one in made:
            one.close()
        self.assertEqual(self.answers_a_new_client(daemon), SERVING)

    def test_running_out_of_descriptors_is_survived(self):
        daemon = self.start()
        daemon.validate("x")
        pid = daemon.process.pid
        whole = resource.prlimit(pid, resource.RLIMIT_NOFILE)
        # As if somebody in the process had taken all the others.
        used = max(int(fd) for fd in os.listdir("/proc/%d/fd" % pid)) + 1
        resource.prlimit(pid, resource.RLIMIT_NOFILE, (used, whole[1]))
        made = self.connect(daemon, 400)
        self.assertTrue(is_closed(made[-1]))
        daemon.validate("x")
        resource.prlimit(pid, resource.RLIMIT_NOFILE, whole)
        for one in made:
            one.close()
        self.assertEqual(self.answers_a_new_client(daemon), SERVING)

    def test_what_is_beyond_max_connections_is_closed(self):
        daemon = self.start("--max_connections", "2")
        first, second, *rest = self.connect(daemon, 3)
        for one in rest:
            self.assertTrue(is_closed(one))
        # The server speaks first: settings.
        self.assertFalse(is_closed(first))
        self.assertFalse(is_closed(second))
        first.close()
        self.assertEqual(self.answers_a_new_client(daemon), SERVING)

    def test_more_connections_than_descriptors_are_refused_in_one_line(self):
        daemon = LimitedDaemon(["--max_connections", "108"])
        self.addCleanup(shutil.rmtree, daemon.directory)
        done = harness.run_program(daemon.command())
        self.assertEqual(done.code, 1)
        self.assertEqual(len(done.err.splitlines()), 1, done.err)
        self.assertIn("--max_connections", done.err)
        self.assertFalse(os.path.exists(daemon.data_dir))

    def test_the_soft_limit_is_raised_at_start(self):
        class Soft(harness.Daemon):
            def command(self):
                return ["prlimit", "--nofile=64:1024", *super().command()]
        daemon = Soft().start()
        self.addCleanup(daemon.close)
        self.assertEqual(
            resource.prlimit(daemon.process.pid, resource.RLIMIT_NOFILE),
            (1024, 1024))


class Lives(unittest.TestCase):
    """Each bound of a connection's life, short enough to be waited for."""

    def connection(self, *settings):
        return self.connect(harness.start_daemon(self, settings))

    def connect(self, daemon):
        connection = plain_http2.Connection(daemon.address)
        self.addCleanup(connection.close)
        return connection

    def kinds(self, connection):
        return [one[0] for one in connection.frames_until_closed()]

    def test_one_that_says_nothing_is_closed(self):
        connection = self.connection("--handshake_timeout", "300ms")
        self.kinds(connection)  # comes to an end

    def test_an_idle_one_is_closed(self):
        connection = self.connection("--max_connection_idle", "300ms")
        connection.greet()
        self.assertIn(plain_http2.GOAWAY, self.kinds(connection))

    def test_an_old_one_is_closed_though_a_call_is_under_way(self):
        daemon = harness.start_daemon(
            self, ["--max_connection_age", "300ms",
                   "--max_connection_age_grace", "300ms"])
        kinds = []
        # On a slow machine one may be old before its call is answered.
        while plain_http2.DATA not in kinds:
            connection = self.connect(daemon)
            connection.greet()
            connection.send(plain_http2.call_frames(1, WATCH))
            kinds = self.kinds(connection)
        self.assertIn(plain_http2.GOAWAY, kinds)

    def test_calls_go_on_while_their_connections_grow_old(self):
        daemon = harness.start_daemon(self, ["--max_connection_age", "100ms"])
        daemon.validate("x")
        before, since = set(self.sockets(daemon)), set()
        # Several ages long: clients reconnect without noticing.
        while len(since) < 3:
            daemon.validate("x")
            since |= set(self.sockets(daemon)) - before

    def sockets(self, daemon):
        folder = "/proc/%d/fd" % daemon.process.pid
        for fd in os.listdir(folder):
            try:
                target = os.readlink(os.path.join(folder, fd))
            except OSError:
                continue
            if target.startswith("socket:"):
                yield target

    def test_a_peer_that_shows_no_sign_of_life_is_closed(self):
        connection = self.connection("--keepalive_interval", "1s",
                                     "--keepalive_timeout", "100ms")
        connection.greet()
        connection.send(plain_http2.call_frames(1, WATCH))
        # The answer comes, then a ping, which nobody answers.
        self.assertIn(plain_http2.PING, self.kinds(connection))

    def test_a_peer_that_pings_too_often_is_closed(self):
        connection = self.connection("--min_ping_interval", "1h")
        connection.greet()
        connection.send(plain_http2.call_frames(1, WATCH))
        for _ in range(6):
            connection.send(plain_http2.frame(plain_http2.PING, 0, 0, b"12345678"))
        goaway = [payload for kind, _, _, payload
                  in connection.frames_until_closed()
                  if kind == plain_http2.GOAWAY]
        self.assertIn(b"too_many_pings", b"".join(goaway))

    def test_a_peer_that_pings_at_leisure_is_not(self):
        connection = self.connection("--min_ping_interval", "1ms")
        connection.greet()
        connection.send(plain_http2.call_frames(1, WATCH))
        answered = 0
        connection.send(plain_http2.frame(plain_http2.PING, 0, 0, b"12345678"))
        for kind, flags, _, _ in connection.frames():
            if kind == plain_http2.PING and flags & plain_http2.ACK:
                answered += 1
                break
        self.assertEqual(answered, 1)


class Sizes(unittest.TestCase):

    def test_streams_beyond_the_limit_end_the_connection(self):
        daemon = harness.start_daemon(self, ["--max_streams", "2"])
        connection = plain_http2.Connection(daemon.address)
        self.addCleanup(connection.close)
        settings = connection.greet()
        self.assertEqual(settings[plain_http2.MAX_CONCURRENT_STREAMS], 2)
        for stream in (1, 3, 5):
            connection.send(plain_http2.call_frames(stream, WATCH))
        answered = {stream for kind, _, stream, _
                    in connection.frames_until_closed()
                    if kind == plain_http2.DATA}
        self.assertNotIn(5, answered)
        # As many as the limit are served.
        within = plain_http2.Connection(daemon.address)
        self.addCleanup(within.close)
        within.greet()
        waiting = {1, 3}
        for stream in sorted(waiting):
            within.send(plain_http2.call_frames(stream, WATCH))
        for kind, _, stream, _ in within.frames():
            if kind == plain_http2.DATA:
                waiting.discard(stream)
            if not waiting:
                break
        self.assertFalse(waiting)

    def send_header(self, daemon, size):
        return daemon.public.auth.Validate(
            auth_pb2.ValidateRequest(credential="x"), timeout=TIMEOUT,
            metadata=[("padding", "x" * size)])

    def test_the_header_limit_is_a_setting(self):
        daemon = harness.start_daemon(self, ["--max_header_bytes", "16384"])
        self.send_header(daemon, 15 << 10)
        with self.assertRaises(grpc.RpcError):
            self.send_header(daemon, 16 << 10)
        # Over a new connection; the old one may not know yet that it is closed.
        daemon.public = harness.Stubs(daemon.address)
        daemon.validate("x")
        usual = harness.start_daemon(self)
        self.send_header(usual, 7 << 10)
        with self.assertRaises(grpc.RpcError):
            self.send_header(usual, 8 << 10)

    def test_the_message_limit_is_a_setting(self):
        daemon = harness.start_daemon(self, ["--max_message_bytes", "20000"])
        method = "/latchkey.v1.AuthService/Validate"
        for size, code in ((20000, grpc.StatusCode.INVALID_ARGUMENT),
                           (20001, grpc.StatusCode.RESOURCE_EXHAUSTED)):
            with self.assertRaises(grpc.RpcError) as caught:
                daemon.public.raw(method, b"\xff" * size)
            self.assertEqual(caught.exception.code(), code, size)


class Waiting(unittest.TestCase):
    # One login takes long enough for the next ones to come meanwhile.
    SETTINGS = ("--hash_threads", "1", "--hash_time_cost", "8",
                "--hash_memory_kib", "131072", "--hash_max_wait", "60s")

    def test_calls_of_one_method_have_a_limit_and_others_do_not_feel_it(self):
        daemon = harness.start_daemon(self, [
            *self.SETTINGS, "--hash_queue", "2", "--max_calls_waiting", "2"])
        password = daemon.create_account("alice")
        request = auth_pb2.LoginRequest(account="alice", password=password)
        daemon.validate("x")  # connects
        logins = [daemon.public.auth.Login.future(request, timeout=TIMEOUT)
                  for _ in range(3)]
        # Any of them may have been the third to come; it is the first to end.
        ended = queue.SimpleQueue()
        for login in logins:
            login.add_done_callback(ended.put)
        refused = ended.get()
        details = harness.Details(refused.exception())
        self.assertEqual(details.code, grpc.StatusCode.UNAVAILABLE)
        self.assertEqual(details.reason, "OVERLOADED")
        self.assertGreater(details.retry_seconds, 0)
        daemon.validate("x")
        logins.remove(refused)
        for login in logins:
            daemon.secrets.credential(login.result().credential)
        self.assertEqual(len(daemon.list_sessions("alice")), 2)

    def test_3000_reset_logins_are_not_3000_hashes(self):
        # The guard would let but a few of them come to a hash.
        daemon = harness.start_daemon(
            self, [*self.SETTINGS, "--login_guard", "false",
                   "--metrics_listen", "127.0.0.1:0"])
        password = daemon.create_account("alice")
        message = auth_pb2.LoginRequest(
            account="alice", password=password).SerializeToString()
        connection = plain_http2.Connection(daemon.address)
        self.addCleanup(connection.close)
        connection.greet()
        cancel = struct.pack(">I", 8)
        before = Scrape(daemon).value("latchkey_hash_started_total")
        # Some at a time, and read before they are reset: one that is read
        # together with its reset is refused as a call without a message.
        for first in range(0, 3000, 20):
            streams = [2 * number + 1 for number in range(first, first + 20)]
            self.send_and_ping(connection, [
                plain_http2.call_frames(
                    stream, "/latchkey.v1.AuthService/Login", message)
                for stream in streams])
            self.send_and_ping(connection, [
                plain_http2.frame(plain_http2.RST_STREAM, 0, stream, cancel)
                for stream in streams])
        # A login of now is not behind the dead ones: they left the queue.
        daemon.login_at_last("alice", password)
        scrape = Scrape(daemon)
        hashes = scrape.value("latchkey_hash_started_total") - before
        self.assertGreaterEqual(hashes, 1)
        # A hash takes tenths of a second: the few whose turn came before the
        # reset did. The queue alone would hold 64.
        self.assertLess(hashes, 64)
        # Without room made by those who left, most would have been refused.
        self.assertGreater(scrape.value("latchkey_hash_dropped_total"), 2 * 64)

    def send_and_ping(self, connection, frames):
        """Returns when all of it was read: a ping behind it is answered."""
        ping = plain_http2.frame(plain_http2.PING, 0, 0, b"12345678")
        connection.send(b"".join(frames) + ping)
        self.assertTrue(any(
            kind == plain_http2.PING and flags & plain_http2.ACK
            for kind, flags, _, _ in connection.frames()), "it was closed")


class Drain(unittest.TestCase):

    def test_readiness_ends_before_calls_do(self):
        daemon = harness.Daemon([*Waiting.SETTINGS,
                                 "--drain_timeout", "10m"]).start()
        self.addCleanup(lambda: daemon.process and daemon.kill())
        password = daemon.create_account("alice")
        health = daemon.public.channel.unary_stream(WATCH)(b"")
        self.assertEqual(next(health), SERVING)
        login = daemon.public.auth.Login.future(
            auth_pb2.LoginRequest(account="alice", password=password),
            timeout=TIMEOUT)
        daemon.validate("x")  # so the login was taken, too
        daemon.process.send_signal(signal.SIGTERM)
        self.assertEqual(next(health), NOT_SERVING)
        # The port is closed while the call goes on.
        host, _, port = daemon.address.rpartition(":")
        with self.assertRaises(ConnectionRefusedError):
            while True:
                try:
                    socket.create_connection((host, int(port))).close()
                except ConnectionResetError:
                    pass  # in the queue of the port when it was closed
        daemon.secrets.credential(login.result().credential)
        health.cancel()
        self.assertEqual(daemon.process.wait(), 0)
        daemon.process.stdout.close()
        daemon.process = None
        daemon.close()

    def test_who_makes_no_calls_does_not_hold_it_up(self):
        daemon = harness.Daemon(["--drain_timeout", "10m"]).start()
        self.addCleanup(lambda: daemon.process and daemon.kill())
        health = daemon.public.channel.unary_stream(WATCH)(b"")
        self.assertEqual(next(health), SERVING)
        # Neither closes when it is told to.
        idle = plain_http2.Connection(daemon.address)
        self.addCleanup(idle.close)
        idle.greet()
        daemon.process.send_signal(signal.SIGTERM)
        self.assertEqual(next(health), NOT_SERVING)
        self.assertEqual(daemon.process.wait(), 0)
        daemon.process.stdout.close()
        daemon.process = None
        daemon.close()


if __name__ == "__main__":
    unittest.main()
