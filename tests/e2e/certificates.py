"""Certificates for tests, by tools/dev-ca, and what speaks TLS with them."""

import os
import ssl
import subprocess

import grpc

SOURCE = os.environ["TEST_SOURCE"]


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
