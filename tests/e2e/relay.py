"""What stands between a client and the server, and hands on bytes."""

import socket
import threading

import harness


class Relay:
    """Hands connections on to `address`, from the local address `source` if
    that is given, since gRPC's clients cannot choose theirs. May hold back what
    goes one way or the other."""

    FORWARD, BACK = "forward", "back"

    def __init__(self, address, source=""):
        host, port = address.rsplit(":", 1)
        self.target, self.source = (host, int(port)), source
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.address = "127.0.0.1:%d" % self.listener.getsockname()[1]
        self.connections = 0  # there were so far
        self.flows = {self.FORWARD: threading.Event(),
                      self.BACK: threading.Event()}
        self.release()
        threading.Thread(target=self._serve, daemon=True).start()

    def hold(self, ways):
        for way in ways:
            self.flows[way].clear()

    def release(self):
        for flow in self.flows.values():
            flow.set()

    def close(self):
        self.release()
        self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()

    def _serve(self):
        while True:
            try:
                near, _ = self.listener.accept()
            except OSError:  # closed
                return
            self.connections += 1
            far = socket.create_connection(
                self.target, source_address=(self.source, 0))
            threading.Thread(target=self._carry, args=(near, far),
                             daemon=True).start()

    def _carry(self, near, far):
        with near, far:
            back = threading.Thread(
                target=self._copy, args=(far, near, self.flows[self.BACK]),
                daemon=True)
            back.start()
            self._copy(near, far, self.flows[self.FORWARD])
            back.join()

    @staticmethod
    def _copy(from_end, to_end, flow):
        try:
            while data := from_end.recv(65536):
                flow.wait()
                to_end.sendall(data)
        except OSError:  # the other direction's end
            pass
        try:
            to_end.shutdown(socket.SHUT_WR)
        except OSError:  # closed already
            pass


def stubs_from(test, daemon, source):
    """Returns stubs that come to `daemon` from the local address `source`."""
    between = Relay(daemon.address, source)
    test.addCleanup(between.close)
    stubs = harness.Stubs(between.address)
    test.addCleanup(stubs.channel.close)
    return stubs
