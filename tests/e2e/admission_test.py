"""Who may call what, and what an empty request gets, for every RPC there is."""

import unittest

import grpc
import harness
from harness import (account_pb2, admin_pb2, auth_pb2, key_pb2,
                     revocation_pb2, session_service_pb2)

FILES = (account_pb2, admin_pb2, auth_pb2, key_pb2, revocation_pb2,
         session_service_pb2)

# What may be called by anybody who reaches the port. All else is
# administration: a new RPC that is not in here must be refused.
OPEN_TO_ALL = {"Login", "Validate", "BatchValidate", "Refresh", "Logout",
               "GetJwks", "WatchRevocations"}

# What the admin socket answers to an empty request: the fields it misses, or
# None if nothing is missing.
EMPTY_REQUEST = {
    "Login": {"account", "proof"},
    "Validate": None,
    "BatchValidate": {"requests"},
    "Refresh": {"refresh_credential"},
    "Logout": {"target"},
    "CreateAccount": {"account_id", "password"},
    "GetAccount": {"name"},
    "ListAccounts": None,
    "UpdateAccount": {"name"},
    "DisableAccount": {"name"},
    "EnableAccount": {"name"},
    "DeleteAccount": {"name"},
    "SetPassword": {"name", "password"},
    "AddClientSecret": {"parent"},
    "ListClientSecrets": {"parent"},
    "RemoveClientSecret": {"name"},
    "SetJwks": {"name"},
    "SetCertificateNames": {"name"},
    "GetSession": {"name"},
    "ListSessions": {"parent"},
    "RevokeSession": {"name"},
    "GetJwks": None,
    "ListKeys": None,
    "RotateKey": None,
    "RevokeKey": {"kid"},
    "GetServerInfo": None,
    "WatchRevocations": {"message"},
}


def methods():
    """Yields (name, path) of every RPC of the contract."""
    for file in FILES:
        for service in file.DESCRIPTOR.services_by_name.values():
            for method in service.methods:
                yield method.name, "/%s/%s" % (service.full_name, method.name)


class Admission(harness.DaemonTest):

    def test_administration_is_refused_on_the_port(self):
        refused = 0
        for name, path in methods():
            if name in OPEN_TO_ALL:
                continue
            # Refused before the request is looked at, whatever it says.
            for request in (b"", b"\xff\xff"):
                with self.subTest(method=name, request=request):
                    details = self.assertRefused(
                        grpc.StatusCode.PERMISSION_DENIED, "NOT_PERMITTED",
                        lambda r, timeout, path=path:
                        self.daemon.public.raw(path, r), request)
                    self.assertEqual(details.fields, {})
            refused += 1
        self.assertEqual(refused, len(EMPTY_REQUEST) - len(OPEN_TO_ALL))

    def test_every_rpc_answers_an_empty_request(self):
        for name, path in methods():
            with self.subTest(method=name):
                missing = EMPTY_REQUEST[name]
                if missing is None:
                    self.daemon.private.raw(path)
                    continue
                details = self.assertRefused(
                    grpc.StatusCode.INVALID_ARGUMENT, "INVALID_FIELD",
                    lambda r, timeout, path=path:
                    self.daemon.private.raw(path, r), b"")
                self.assertEqual(set(details.fields), missing)

    def test_an_unknown_method_is_unimplemented(self):
        for stubs in (self.daemon.public, self.daemon.private):
            with self.assertRaises(grpc.RpcError) as caught:
                stubs.raw("/latchkey.v1.AuthService/Nonsense")
            self.assertEqual(caught.exception.code(),
                             grpc.StatusCode.UNIMPLEMENTED)


if __name__ == "__main__":
    unittest.main()
