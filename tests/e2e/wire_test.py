"""What comes over the wire otherwise: bytes that are no message, too long or
compressed ones, health, and methods that do not exist."""

import socket
import struct
import unittest

import grpc
import harness
from harness import auth_pb2

TIMEOUT = harness.CALL_TIMEOUT_SECONDS
LOGIN = "/latchkey.v1.AuthService/Login"
VALIDATE = "/latchkey.v1.AuthService/Validate"
HEALTH = "/grpc.health.v1.Health/Check"
MAX_MESSAGE_BYTES = 1 << 20
MAX_HEADER_BYTES = 8 << 10
MAX_STREAMS = 1000
# HTTP/2 (RFC 9113): what a client begins with, and numbers of SETTINGS.
PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + b"\0\0\0\4\0\0\0\0\0"
SETTINGS_FRAME = 4
SETTINGS_MAX_CONCURRENT_STREAMS = 3
SETTINGS_MAX_HEADER_LIST_SIZE = 6


def length_delimited(number, content):
    """Encodes one field of a message."""
    def varint(value):
        out = bytearray()
        while value > 0x7f:
            out.append(value & 0x7f | 0x80)
            value >>= 7
        out.append(value)
        return bytes(out)
    return varint(number << 3 | 2) + varint(len(content)) + content


def padded_to(size, message):
    """Pads `message` with a field that nobody knows, to `size` bytes."""
    for padding in range(size - len(message) - 8, size):
        padded = message + length_delimited(1000, b"p" * padding)
        if len(padded) == size:
            return padded
    raise AssertionError("cannot be padded")


def read_exactly(connection, size):
    data = b""
    while len(data) < size:
        chunk = connection.recv(size - len(data))
        assert chunk, "closed after %d of %d bytes" % (len(data), size)
        data += chunk
    return data


class Wire(harness.DaemonTest):

    def connect(self):
        host, port = self.daemon.address.rsplit(":", 1)
        connection = socket.create_connection((host, int(port)))
        self.addCleanup(connection.close)
        return connection

    def refuses_bytes(self, method, data):
        return self.assertRefused(
            grpc.StatusCode.INVALID_ARGUMENT, "INVALID_FIELD",
            lambda r, timeout: self.daemon.public.raw(method, r), data)

    def test_text_that_is_not_utf8_is_named(self):
        for bad in (b"\xff", b"\xc0\x80", b"\xed\xa0\x80", b"\xf4\x90\x80\x80",
                    b"abc\xe2\x82"):
            for method, number, field in (
                    (LOGIN, 1, "account"), (LOGIN, 2, "password"),
                    (LOGIN, 7, "audiences"), (VALIDATE, 1, "credential"),
                    (VALIDATE, 2, "audience")):
                with self.subTest(field=field, bad=bad):
                    details = self.refuses_bytes(
                        method, length_delimited(number, bad))
                    self.assertTrue(
                        any(name.startswith(field) for name in details.fields),
                        details.fields)

    def test_what_is_no_message_is_the_callers_fault(self):
        for data in (b"\xff", b"\x0a\xff", b"\x0a\x05abc", b"\x07",
                     b"\x08" + b"\xff" * 11):
            with self.subTest(data=data):
                self.refuses_bytes(VALIDATE, data)

    def test_a_message_has_a_limit(self):
        request = auth_pb2.ValidateRequest(credential="x").SerializeToString()
        for size in (MAX_MESSAGE_BYTES - 1, MAX_MESSAGE_BYTES):
            answer = auth_pb2.ValidateResponse.FromString(
                self.daemon.public.raw(VALIDATE, padded_to(size, request)))
            self.assertFalse(answer.active)
        with self.assertRaises(grpc.RpcError) as caught:
            self.daemon.public.raw(
                VALIDATE, padded_to(MAX_MESSAGE_BYTES + 1, request))
        self.assertEqual(caught.exception.code(),
                         grpc.StatusCode.RESOURCE_EXHAUSTED)

    def test_headers_have_a_limit(self):
        request = auth_pb2.ValidateRequest(credential="x")
        below = (("x-padding", "p" * (MAX_HEADER_BYTES // 2)),)
        answer = self.daemon.public.auth.Validate(
            request, metadata=below, timeout=TIMEOUT)
        self.assertFalse(answer.active)
        above = (("x-padding", "p" * MAX_HEADER_BYTES),)
        with self.assertRaises(grpc.RpcError) as caught:
            self.daemon.public.auth.Validate(
                request, metadata=above, timeout=TIMEOUT)
        self.assertEqual(caught.exception.code(),
                         grpc.StatusCode.RESOURCE_EXHAUSTED)

    def test_streams_and_headers_are_limited_by_announcement(self):
        connection = self.connect()
        connection.sendall(PREFACE)
        kind, announced = None, {}
        while kind != SETTINGS_FRAME:
            head = read_exactly(connection, 9)
            kind = head[3]
            body = read_exactly(connection, int.from_bytes(head[:3], "big"))
        for at in range(0, len(body), 6):
            number, value = struct.unpack(">HI", body[at:at + 6])
            announced[number] = value
        self.assertEqual(announced[SETTINGS_MAX_CONCURRENT_STREAMS],
                         MAX_STREAMS)
        self.assertEqual(announced[SETTINGS_MAX_HEADER_LIST_SIZE],
                         MAX_HEADER_BYTES)

    def test_a_connection_that_says_nothing_is_closed(self):
        connection = self.connect()
        # Whatever the server has to say first, it ends by closing.
        while connection.recv(4096):
            pass

    def test_a_compressed_message_is_refused(self):
        for compression in (grpc.Compression.Gzip, grpc.Compression.Deflate):
            with self.assertRaises(grpc.RpcError) as caught:
                self.daemon.public.auth.Validate(
                    auth_pb2.ValidateRequest(credential="x" * 1000),
                    compression=compression, timeout=TIMEOUT)
            self.assertEqual(caught.exception.code(),
                             grpc.StatusCode.UNIMPLEMENTED)

    def test_health_serves_on_both_listeners(self):
        # Connections of its own: another test has the server close a shared one.
        for address in (self.daemon.address, self.daemon.admin_address):
            stubs = harness.Stubs(address)
            self.addCleanup(stubs.channel.close)
            # HealthCheckResponse with status SERVING (1).
            self.assertEqual(stubs.raw(HEALTH), b"\x08\x01")
            with self.assertRaises(grpc.RpcError) as caught:
                stubs.raw(HEALTH, length_delimited(1, b"nonsense"))
            self.assertEqual(caught.exception.code(),
                             grpc.StatusCode.NOT_FOUND)


if __name__ == "__main__":
    unittest.main()
