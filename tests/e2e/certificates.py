"""Certificates for tests, by tools/dev-ca, and what speaks TLS with them: a
server over them, clients, and tests of both."""

import os
import re
import shutil
import socket
import ssl
import subprocess
import tempfile
import threading
import unittest

import grpc
import harness
from harness import SOURCE, auth_pb2

TIMEOUT = harness.CALL_TIMEOUT_SECONDS


class Authority:
    """A development CA in a directory of its own."""

    def __init__(self, directory):
        self.directory = directory
        self.run("ca")

    def run(self, *arguments):
        subprocess.run(
            [os.path.join(SOURCE, "tools", "dev-ca"), self.directory,
             *arguments], check=True, stdout=subprocess.DEVNULL)

    def server(self, name="latchkeyd", *options):
        return self._make("server", name, options)

    def client(self, name, *options):
        return self._make("client", name, options)

    def ca(self):
        return Pair(self.directory, "ca")

    def _make(self, kind, name, options):
        self.run(kind, name, *options)
        return Pair(self.directory, name)


class Pair:
    """A certificate and its key, as they lie in their files."""

    def __init__(self, directory, name):
        self.certificate = os.path.join(directory, name + ".pem")
        self.key = os.path.join(directory, name + ".key")

    def certificate_bytes(self):
        return read(self.certificate)

    def key_bytes(self):
        return read(self.key)

    def der(self):
        return ssl.PEM_cert_to_DER_cert(self.certificate_bytes().decode())


def read(path):
    with open(path, "rb") as file:
        return file.read()


def replace(path, content):
    """Puts `content` at `path` in one step, for its owner alone."""
    aside = path + ".new"
    with open(os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600),
              "wb") as file:
        file.write(content)
    os.replace(aside, path)


def channel_credentials(ca, client=None):
    return grpc.ssl_channel_credentials(
        root_certificates=ca.certificate_bytes(),
        private_key=client.key_bytes() if client else None,
        certificate_chain=client.certificate_bytes() if client else None)


def client_context(ca, client=None):
    """A TLS client of another library than gRPC's."""
    context = ssl.create_default_context(cafile=ca.certificate)
    context.set_alpn_protocols(["h2"])
    if client:
        context.load_cert_chain(client.certificate, client.key)
    return context


def client_kinds(authority):
    """Yields kind, certificate, and what becomes of who shows it where client
    certificates are optional."""
    of = authority.client
    other = Authority(
        tempfile.mkdtemp(prefix="other.", dir=authority.directory))
    good = ("--uri", "spiffe://example.org/a")
    yield "good", of("good", *good), "let in"
    yield "by name", of("byname", "--dns", "a.example.org"), "let in"
    # Who is in, is not yet anybody: names are the next door's business.
    yield "no name", of("noname", "--no-san"), "let in"
    yield "common name only", of("cn", "--cn", "admin.example.org"), "let in"
    yield "other domain", of("other", "--uri", "spiffe://other.org/a"), \
        "let in"
    yield "expired", of("late", *good, "--days", "1", "--from",
                        "2 days ago"), "kept out"
    yield "not yet valid", of("early", *good, "--from", "1 day"), "kept out"
    yield "wrong CA", other.client("x", *good), "kept out"
    yield "self-signed", of("self", *good, "--self-signed"), "kept out"
    yield "wrong usage", of("usage", *good, "--eku", "serverAuth"), "kept out"


def port_of(daemon):
    return int(daemon.address.rpartition(":")[2])


class TlsDaemon(harness.Daemon):
    """A server with a certificate of its own authority."""

    def __init__(self, directory, settings=(), client_ca=False):
        super().__init__(settings, directory)
        self.authority = Authority(
            os.path.join(directory, "certs"))
        self.pair = self.authority.server()
        self.ca = self.authority.ca()
        self.settings += ["--tls_certificate", self.pair.certificate,
                          "--tls_key", self.pair.key]
        if client_ca:
            self.settings += ["--tls_client_ca", self.ca.certificate]
        self.credentials = channel_credentials(self.ca)
        self.secrets.key_pem(self.pair.key_bytes())

    def stubs(self, client=None):
        return harness.Stubs(
            self.address, channel_credentials(self.ca, client))

    def handshake(self, context, name="localhost"):
        """Returns a connected TLS socket, or raises what went wrong."""
        plain = socket.create_connection(("127.0.0.1", port_of(self)), TIMEOUT)
        try:
            return context.wrap_socket(plain, server_hostname=name)
        except BaseException:
            plain.close()
            raise

    def served_certificate(self, context=None):
        """Returns the certificate that a new connection is shown, as DER."""
        context = context or client_context(self.ca)
        with self.handshake(context) as connection:
            return connection.getpeercert(binary_form=True)

    def wait_for_log(self, pattern, count=1):
        """Returns once `pattern` stands in the log that often."""
        while len(re.findall(pattern, self.log())) < count:
            if self.process.poll() is not None:
                raise AssertionError("it has ended:\n" + self.log())
            threading.Event().wait(0.02)


class TlsTest(unittest.TestCase):

    SETTINGS = ()
    CLIENT_CA = False

    @classmethod
    def setUpClass(cls):
        cls.directory = tempfile.mkdtemp(prefix="latchkey-e2e.")
        cls.addClassCleanup(shutil.rmtree, cls.directory)
        cls.daemon = TlsDaemon(cls.directory, cls.SETTINGS, cls.CLIENT_CA)
        cls.daemon.start()
        cls.addClassCleanup(cls.daemon.close)

    def outcome(self, client=None):
        """What becomes of a call of a client with that certificate."""
        stubs = self.daemon.stubs(client)
        self.addCleanup(stubs.channel.close)
        try:
            stubs.auth.Validate(auth_pb2.ValidateRequest(credential="x"),
                                timeout=TIMEOUT)
        except grpc.RpcError as error:
            # What the server says of a caller that it has let in.
            return "let in" if harness.Details(error).reason else \
                "kept out" if error.code() == grpc.StatusCode.UNAVAILABLE \
                else error.code().name
        return "let in"
