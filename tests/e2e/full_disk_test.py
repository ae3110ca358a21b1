"""A disk that takes no more: nothing is acknowledged, health says so, and a
restart finds what was acknowledged before."""

import resource
import unittest

import grpc
import harness
from harness import auth_pb2

TIMEOUT = harness.CALL_TIMEOUT_SECONDS
WATCH = "/grpc.health.v1.Health/Watch"
SERVING, NOT_SERVING = b"\x08\x01", b"\x08\x02"


class FullDisk(unittest.TestCase):

    def test_no_write_is_acknowledged_and_a_restart_mends_it(self):
        daemon = harness.start_daemon(self)
        password = daemon.create_account("alice")
        before = daemon.login("alice", password)
        health = daemon.public.channel.unary_stream(
            WATCH, request_serializer=lambda data: data,
            response_deserializer=lambda data: data)(b"")
        self.addCleanup(health.cancel)
        self.assertEqual(next(health), SERVING)

        # No file of the server may grow any more.
        resource.prlimit(daemon.process.pid, resource.RLIMIT_FSIZE, (1, 1))
        for _ in range(3):
            harness.assert_refused(
                self, grpc.StatusCode.UNAVAILABLE, "STORE_FAILED",
                daemon.public.auth.Login,
                auth_pb2.LoginRequest(account="alice", password=password))
        harness.assert_refused(
            self, grpc.StatusCode.UNAVAILABLE, "STORE_FAILED",
            daemon.public.auth.Logout,
            auth_pb2.LogoutRequest(credential=before.credential))
        # Not knowing is a refusal, also of what it had in memory.
        harness.assert_refused(
            self, grpc.StatusCode.UNAVAILABLE, "STORE_FAILED",
            daemon.public.auth.Validate,
            auth_pb2.ValidateRequest(credential=before.credential))
        self.assertEqual(next(health), NOT_SERVING)

        daemon.restart()
        self.assertTrue(daemon.validate(before.credential).active)
        self.assertEqual(len(daemon.list_sessions("alice")), 1)
        self.assertTrue(
            daemon.validate(daemon.login("alice", password).credential).active)


if __name__ == "__main__":
    unittest.main()
