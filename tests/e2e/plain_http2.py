"""A connection that speaks HTTP/2 by hand, and only as much of it as it is
told to: for what no gRPC client can be made to do, such as staying silent."""

import socket
import struct

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"

DATA, HEADERS, RST_STREAM, SETTINGS, PING, GOAWAY = 0, 1, 3, 4, 6, 7
END_STREAM = ACK = 0x1
END_HEADERS = 0x4
MAX_CONCURRENT_STREAMS = 3


def frame(kind, flags, stream, payload=b""):
    return (struct.pack(">I", len(payload))[1:]
            + struct.pack(">BBI", kind, flags, stream) + payload)


def _length(text, prefix_bits):
    most = (1 << prefix_bits) - 1
    if len(text) < most:
        return bytes([len(text)])
    encoded, rest = bytes([most]), len(text) - most
    while rest >= 128:
        encoded, rest = encoded + bytes([rest % 128 + 128]), rest // 128
    return encoded + bytes([rest])


def header_block(path):
    """The headers of a gRPC call, each a literal that no table remembers."""
    block = b""
    for name, value in ((b":method", b"POST"), (b":scheme", b"http"),
                        (b":path", path.encode()), (b":authority", b"test"),
                        (b"content-type", b"application/grpc"),
                        (b"te", b"trailers")):
        block += b"\0" + _length(name, 7) + name + _length(value, 7) + value
    return block


def call_frames(stream, path, message=b""):
    return (frame(HEADERS, END_HEADERS, stream, header_block(path))
            + frame(DATA, END_STREAM, stream,
                    struct.pack(">BI", 0, len(message)) + message))


class Connection:
    """Connected to `address`, host:port. Nothing is sent by itself."""

    def __init__(self, address):
        host, _, port = address.rpartition(":")
        self.socket = socket.create_connection((host, int(port)))
        self._file = self.socket.makefile("rb")

    def close(self):
        self._file.close()
        self.socket.close()

    def send(self, data):
        try:
            self.socket.sendall(data)
        except OSError:
            pass  # closed by the server: reading will tell

    def greet(self):
        """Exchanges settings, and returns the server's."""
        self.send(PREFACE + frame(SETTINGS, 0, 0))
        for kind, flags, _, payload in self.frames():
            if (kind, flags) == (SETTINGS, 0):
                self.send(frame(SETTINGS, ACK, 0))
                return dict(struct.iter_unpack(">HI", payload))
        raise AssertionError("closed before there were settings")

    def frames(self):
        """Yields (kind, flags, stream, payload) until the server closes."""
        try:
            while True:
                head = self._file.read(9)
                if len(head) < 9:
                    return
                size = int.from_bytes(head[:3], "big")
                kind, flags, stream = struct.unpack(">BBI", head[3:])
                yield kind, flags, stream, self._file.read(size)
        except ConnectionError:
            return

    def frames_until_closed(self):
        return list(self.frames())
