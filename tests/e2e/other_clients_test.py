"""Clients that are not ours: Node by @grpc/grpc-js, and `buf curl`, which
knows the contract by reflection alone, as grpcurl does."""

import base64
import json
import os
import unittest

import harness

NODE_MODULES = os.path.join(harness.SOURCE, "tools/node_modules")
BUF = os.path.join(NODE_MODULES, ".bin/buf")


class OtherClients(harness.DaemonTest):

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        assert os.path.exists(BUF), "no buf: tools/test installs it"
        cls.password = cls.daemon.create_account("alice")

    def curl(self, method, request, admin=False):
        """What `grpcurl -plaintext -d @ ADDRESS METHOD` does."""
        command = [BUF, "curl", "--protocol", "grpc",
                   "--http2-prior-knowledge", "--data", "@-"]
        if admin:
            command += ["--unix-socket",
                        self.daemon.admin_address[len("unix:"):]]
        address = "localhost" if admin else self.daemon.address
        done = harness.run_program(
            command + ["http://%s/%s" % (address, method)],
            json.dumps(request).encode())
        return done

    def answer(self, *arguments, **options):
        done = self.curl(*arguments, **options)
        self.assertEqual(done.code, 0, done.err)
        return json.loads(done.out)

    def test_node_makes_the_round_trip(self):
        done = harness.run_program(
            ["node", os.path.join(os.path.dirname(__file__),
                                  "node_round_trip.mjs"),
             os.path.join(harness.SOURCE, "proto"), NODE_MODULES,
             self.daemon.address, "alice"], self.password.encode())
        self.assertEqual(done.code, 0, done.err)
        told = json.loads(done.out)
        for secret in told["secrets"]:
            self.daemon.secrets.credential(secret)
        self.assertEqual(told["forms"],
                         {"CREDENTIAL_FORMAT_OPAQUE": "accounts/alice",
                          "CREDENTIAL_FORMAT_JWT": "accounts/alice"})

    def test_curl_makes_the_round_trip_by_reflection(self):
        service = "latchkey.v1.AuthService/"
        login = self.answer(service + "Login", {
            "account": "alice", "password": self.password})
        credential = self.daemon.secrets.credential(login["credential"])
        request = {"credential": credential}
        self.assertIs(
            self.answer(service + "Validate", request)["active"], True)
        listed = self.answer("latchkey.v1.SessionService/ListSessions",
                             {"parent": "accounts/alice"}, admin=True)
        self.assertIn(login["session"]["name"],
                      [s["name"] for s in listed["sessions"]])
        self.assertEqual(
            self.answer(service + "Logout", request)["endedCount"], 1)
        self.assertNotIn("active", self.answer(service + "Validate", request))
        refused = self.curl(service + "Login",
                            {"account": "alice", "password": "wrong"})
        self.assertNotEqual(refused.code, 0)
        error = json.loads(refused.err)
        self.assertEqual(error["code"], "unauthenticated")
        self.assertEqual(error["details"][0]["type"], "google.rpc.ErrorInfo")
        self.assertIn(b"LOGIN_REFUSED", base64.b64decode(
            error["details"][0]["value"] + "=="))

    def test_reflection_tells_every_method_health_included(self):
        done = harness.run_program(
            [BUF, "curl", "--protocol", "grpc", "--http2-prior-knowledge",
             "--list-methods", "http://" + self.daemon.address])
        self.assertEqual(done.code, 0, done.err)
        for method in ("latchkey.v1.AuthService/Login",
                       "latchkey.v1.KeyService/GetJwks",
                       "grpc.health.v1.Health/Check"):
            self.assertIn(method, done.out.split())
        health = self.answer("grpc.health.v1.Health/Check", {})
        self.assertEqual(health, {"status": "SERVING"})

    def test_reflection_can_be_switched_off(self):
        daemon = harness.start_daemon(self, ["--reflection=false"])
        done = harness.run_program(
            [BUF, "curl", "--protocol", "grpc", "--http2-prior-knowledge",
             "--list-methods", "http://" + daemon.address])
        self.assertNotEqual(done.code, 0)
        # All else is served.
        self.assertEqual(daemon.public.raw("/grpc.health.v1.Health/Check"),
                         b"\x08\x01")


if __name__ == "__main__":
    unittest.main()
