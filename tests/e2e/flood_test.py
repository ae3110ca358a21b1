"""Floods of connections that last longer than the watchdog's patience: they do
not make it end the process, and do not keep out who is in."""

import os
import resource
import shutil
import socket
import ssl
import tempfile
import threading
import time
import unittest

import grpc
import certificates
import harness
from harness import auth_pb2

TIMEOUT = harness.CALL_TIMEOUT_SECONDS
# The watchdog asks each 5 s and ends the process after six failures in a row:
# this is as long as that takes, and more. It decides nothing here.
FLOOD_SECONDS = 35
MAX_CONNECTIONS = 200
CHECK = "/grpc.health.v1.Health/Check"
GET_INFO = "/latchkey.v1.AdminService/GetServerInfo"


def client_hello():
    """Returns the first flight of a TLS client."""
    written = ssl.MemoryBIO()
    try:
        ssl.create_default_context().wrap_bio(
            ssl.MemoryBIO(), written,
            server_hostname="localhost").do_handshake()
    except ssl.SSLWantReadError:
        pass
    return written.read()


class Flooder:
    """Opens connections as fast as it can, each beginning with `words`, and
    keeps the last `kept` of them open."""

    def __init__(self, address, words, kept):
        self.address, self.words, self.kept = address, words, kept
        self.made = 0

    def run(self, until):
        connections = []
        while time.monotonic() < until:
            try:
                connections.append(socket.create_connection(self.address))
                self.made += 1
                connections[-1].sendall(self.words)
            except OSError:  # closed by the server, or no port left
                pass
            if len(connections) > self.kept:
                connections.pop(0).close()
        for one in connections:
            one.close()


class Flood(unittest.TestCase):

    def setUp(self):
        self.directory = tempfile.mkdtemp(prefix="latchkey-e2e.")
        self.addCleanup(shutil.rmtree, self.directory)

    def flood(self, flooders, call):
        """Floods, and makes calls meanwhile."""
        until = time.monotonic() + FLOOD_SECONDS
        threads = [threading.Thread(target=one.run, args=[until])
                   for one in flooders]
        for thread in threads:
            thread.start()
        try:
            while time.monotonic() < until:
                call()
        finally:
            for thread in threads:
                thread.join()
        for one in flooders:
            self.assertGreater(one.made, MAX_CONNECTIONS)

    def stubs(self, daemon):
        """Returns stubs that are connected already."""
        stubs = daemon.stubs()
        self.addCleanup(stubs.channel.close)
        stubs.raw(CHECK)
        return stubs

    def assertAlive(self, daemon):
        self.assertIsNone(daemon.process.poll(), daemon.log())
        self.assertNotIn("ending the process", daemon.log())
        while True:  # room is found when it is looked for
            stubs = daemon.stubs()
            try:
                stubs.raw(CHECK)
                break
            except grpc.RpcError as error:
                if error.code() != grpc.StatusCode.UNAVAILABLE:
                    raise
            finally:
                stubs.channel.close()

    def test_connections_and_handshakes_without_end(self):
        daemon = certificates.TlsDaemon(
            self.directory, ("--max_connections", str(MAX_CONNECTIONS)),
            client_ca=True)
        daemon.start()
        self.addCleanup(daemon.close)
        password = daemon.create_account("alice")
        address = ("127.0.0.1", certificates.port_of(daemon))
        hello = client_hello()
        flooders = [
            Flooder(address, b"", 0),  # opened and closed
            Flooder(address, b"", 2 * MAX_CONNECTIONS),  # silent
            # Handshakes that stop in the middle of the first message, and
            # behind it.
            Flooder(address, hello[:100], MAX_CONNECTIONS),
            Flooder(address, hello, MAX_CONNECTIONS),
            Flooder(address, b"\x16" * 400, 0)]  # no handshake at all
        before = self.stubs(daemon)

        def call():
            before.raw(CHECK)
            operator = harness.Stubs(daemon.admin_address)
            operator.raw(GET_INFO)
            operator.channel.close()
        self.flood(flooders, call)
        # There were more than it takes, not only many.
        self.assertRegex(daemon.log(), r"connections refused .*all_full=[1-9]")
        self.assertAlive(daemon)
        credential = daemon.login("alice", password).credential
        self.assertTrue(daemon.private.auth.Validate(
            auth_pb2.ValidateRequest(credential=credential),
            timeout=TIMEOUT).active)

    def test_no_descriptor_to_take_them_or_to_ask_with(self):
        daemon = certificates.TlsDaemon(self.directory)
        daemon.environment = harness.UBSAN_WITHOUT_DESCRIPTORS
        daemon.start()
        self.addCleanup(daemon.close)
        before = self.stubs(daemon)
        pid = daemon.process.pid
        whole = resource.prlimit(pid, resource.RLIMIT_NOFILE)
        # As if somebody in the process had taken all the others.
        used = max(int(fd) for fd in os.listdir("/proc/%d/fd" % pid)) + 1
        resource.prlimit(pid, resource.RLIMIT_NOFILE, (used, whole[1]))
        address = ("127.0.0.1", certificates.port_of(daemon))
        self.flood([Flooder(address, b"", 0),
                    Flooder(address, client_hello(), MAX_CONNECTIONS)],
                   lambda: before.raw(CHECK))
        self.assertRegex(daemon.log(),
                         r"connections refused .*no_descriptors=[1-9]")
        resource.prlimit(pid, resource.RLIMIT_NOFILE, whole)
        self.assertAlive(daemon)


if __name__ == "__main__":
    unittest.main()
