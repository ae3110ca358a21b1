"""Sizes at, below and above each limit of the contract."""

import unittest

import grpc
import harness
from harness import (JWT, account_pb2, auth_pb2, session_pb2,
                     session_service_pb2)

TIMEOUT = harness.CALL_TIMEOUT_SECONDS
INVALID = grpc.StatusCode.INVALID_ARGUMENT

# (field, client field setter, limit)
CLIENT_FIELDS = ("user_agent", "ip_address", "device_label")


class Limits(harness.DaemonTest):

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.password = cls.daemon.create_account("alice")

    def login_request(self, **fields):
        fields = {"account": "alice", "password": self.password, **fields}
        return auth_pb2.LoginRequest(**fields)

    def accepts_login(self, **fields):
        response = self.daemon.public.auth.Login(self.login_request(**fields),
                                                 timeout=TIMEOUT)
        self.daemon.secrets.credential(response.credential)
        return response

    def refuses_login(self, field, **fields):
        details = self.assertRefused(INVALID, "INVALID_FIELD",
                                     self.daemon.public.auth.Login,
                                     self.login_request(**fields))
        self.assertEqual(list(details.fields), [field])
        # The rule is told, never the value.
        for value in fields.values():
            if isinstance(value, str) and len(value) > 3:
                self.assertNotIn(value, str(details.fields))

    def refuses_account(self, field, **fields):
        request = account_pb2.CreateAccountRequest(
            **{"account_id": "nobody", "password": "some long password",
               **fields})
        details = self.assertRefused(
            INVALID, "INVALID_FIELD",
            self.daemon.private.accounts.CreateAccount, request)
        self.assertEqual(list(details.fields), [field])

    def test_account_names(self):
        for name in ("a", "0", "a" * 63, "a" * 64, "a.b_c-d", "0..-_"):
            self.daemon.create_account(name, "the password of " + name)
            self.daemon.login(name, "the password of " + name)
        for name in ("a" * 65, "Alice", ".a", "-a", "_a", "a b", "a/b",
                     "\u00e9", "a\n", "a\0"):
            with self.subTest(name=name):
                self.refuses_account("account_id", account_id=name)
                self.refuses_login("account", account=name)

    def test_passwords(self):
        for size in (1, 1023, 1024):
            name = "size%d" % size
            request = account_pb2.CreateAccountRequest(
                account_id=name, password="p" * size)
            self.daemon.private.accounts.CreateAccount(request,
                                                       timeout=TIMEOUT)
            self.daemon.login(name, "p" * size)
        for password in ("", "p" * 1025, "\u00e9" * 513):
            self.refuses_account("password", password=password)
            self.refuses_login("password", password=password)
        self.assertRefused(
            INVALID, "INVALID_FIELD", self.daemon.private.accounts.SetPassword,
            account_pb2.SetPasswordRequest(name="accounts/alice",
                                           password="p" * 1025))

    def test_a_password_counts_as_bytes_up_to_the_last(self):
        # 1,024 bytes, NUL among them; the last byte matters.
        password = "\u00e9\0" + "p" * 1020 + "x"
        self.daemon.create_account("bytes", password)
        self.daemon.login("bytes", password)
        for other in (password[:-1] + "y", "\u00e9", password[:-1]):
            self.assertRefused(
                grpc.StatusCode.UNAUTHENTICATED, "LOGIN_REFUSED",
                self.daemon.public.auth.Login,
                self.login_request(account="bytes", password=other))

    def test_audiences(self):
        self.accepts_login(audiences=["a%d" % i for i in range(16)])
        self.accepts_login(audiences=["a", "b" * 255, "c" * 256])
        self.refuses_login("audiences",
                           audiences=["a%d" % i for i in range(17)])
        for audience in ("", "c" * 257, "a\nb", "a\x7f", "a\u0085"):
            self.refuses_login("audiences[1]", audiences=["a", audience])
        self.refuses_login("audiences[1]", audiences=["a", "a"])

    def test_client_info(self):
        for field in CLIENT_FIELDS:
            for size in (0, 255, 256):
                self.accepts_login(
                    client=session_pb2.ClientInfo(**{field: "u" * size}))
            for value in ("u" * 257, "a\x1b", "a\0", "\u009b"):
                self.refuses_login(
                    "client." + field,
                    client=session_pb2.ClientInfo(**{field: value}))

    def test_requested_ttl(self):
        self.accepts_login(requested_ttl={"seconds": 1})
        for ttl in ({}, {"nanos": 999999999}, {"seconds": -1},
                    {"seconds": 1, "nanos": -1}, {"seconds": 2**62}):
            self.refuses_login("requested_ttl", requested_ttl=ttl)

    def test_unknown_enum_values(self):
        self.refuses_login("credential_format", credential_format=99)
        details = self.assertRefused(
            INVALID, "INVALID_FIELD", self.daemon.public.auth.Logout,
            auth_pb2.LogoutRequest(credential="x", scope=99))
        self.assertEqual(list(details.fields), ["scope"])

    def test_credentials(self):
        auth = self.daemon.public.auth
        for size in (8191, 8192):
            self.assertFalse(self.daemon.validate("c" * size).active)
            self.assertEqual(self.daemon.logout("c" * size).ended_count, 0)
            self.assertRefused(
                grpc.StatusCode.UNAUTHENTICATED, "REFRESH_REFUSED",
                auth.Refresh,
                auth_pb2.RefreshRequest(refresh_credential="c" * size))
        for field, method, request in (
                ("credential", auth.Validate,
                 auth_pb2.ValidateRequest(credential="c" * 8193)),
                ("credential", auth.Logout,
                 auth_pb2.LogoutRequest(credential="c" * 8193)),
                ("refresh_credential", auth.Refresh,
                 auth_pb2.RefreshRequest(refresh_credential="c" * 8193))):
            details = self.assertRefused(INVALID, "INVALID_FIELD", method,
                                         request)
            self.assertEqual(list(details.fields), [field])

    def test_validate_fields(self):
        self.assertFalse(self.daemon.validate("x", audience="a" * 256).active)
        for field, values in (
                ("audience", {"audience": "a" * 257}),
                ("max_auth_age", {"max_auth_age": {}}),
                ("max_auth_age", {"max_auth_age": {"seconds": -5}})):
            details = self.assertRefused(
                INVALID, "INVALID_FIELD", self.daemon.public.auth.Validate,
                auth_pb2.ValidateRequest(credential="x", **values))
            self.assertEqual(list(details.fields), [field])

    def test_roles(self):
        most = ["r%02d" % i for i in range(63)] + ["R" * 64]
        self.daemon.create_account("roles", roles=most)
        session = self.daemon.login("roles", self.password_of_roles()).session
        self.assertEqual(list(session.roles), sorted(most))
        self.refuses_account("roles", roles=["r%d" % i for i in range(65)])
        for role in ("", "r" * 65, "a b", "\u00e9"):
            self.refuses_account("roles[1]", roles=["a", role])
        self.refuses_account("roles[1]", roles=["a", "a"])

    def password_of_roles(self):
        password = self.daemon.secrets.password("a password for roles")
        self.daemon.private.accounts.SetPassword(
            account_pb2.SetPasswordRequest(name="accounts/roles",
                                           password=password),
            timeout=TIMEOUT)
        return password

    def test_pages(self):
        accounts = self.daemon.private.accounts
        sessions = self.daemon.private.sessions
        for size in (0, 1, 999, 1000):
            accounts.ListAccounts(
                account_pb2.ListAccountsRequest(page_size=size),
                timeout=TIMEOUT)
            sessions.ListSessions(
                session_service_pb2.ListSessionsRequest(
                    parent="accounts/alice", page_size=size), timeout=TIMEOUT)
        for size in (-1, 1001, 2**31 - 1):
            self.assertRefused(
                INVALID, "INVALID_FIELD", accounts.ListAccounts,
                account_pb2.ListAccountsRequest(page_size=size))
            self.assertRefused(
                INVALID, "INVALID_FIELD", sessions.ListSessions,
                session_service_pb2.ListSessionsRequest(
                    parent="accounts/alice", page_size=size))
        for token in ("!", "x" * 9999, "AAAA"):
            self.assertRefused(
                INVALID, "INVALID_FIELD", accounts.ListAccounts,
                account_pb2.ListAccountsRequest(page_token=token))
            self.assertRefused(
                INVALID, "INVALID_FIELD", sessions.ListSessions,
                session_service_pb2.ListSessionsRequest(
                    parent="accounts/alice", page_token=token))

    def test_session_names(self):
        for name in ("alice", "accounts/alice", "accounts/alice/sessions/",
                     "accounts/alice/sessions/" + "A" * 32,
                     "accounts/alice/sessions/" + "a" * 31,
                     "accounts/alice/sessions/" + "a" * 33,
                     "accounts/Alice/sessions/" + "a" * 32,
                     "/accounts/alice/sessions/" + "a" * 32):
            with self.subTest(name=name):
                self.assertRefused(
                    INVALID, "INVALID_FIELD",
                    self.daemon.private.sessions.GetSession,
                    session_service_pb2.GetSessionRequest(name=name))
                self.assertRefused(
                    INVALID, "INVALID_FIELD",
                    self.daemon.private.auth.Logout,
                    auth_pb2.LogoutRequest(session=name))

    def test_a_jwt_has_a_limit_of_its_own(self):
        # An opaque credential carries nothing, so the same login is fine.
        most = ["%02d" % i + "a" * 254 for i in range(16)]
        self.accepts_login(audiences=most)
        self.assertRefused(
            grpc.StatusCode.FAILED_PRECONDITION, "CREDENTIAL_TOO_LARGE",
            self.daemon.public.auth.Login,
            self.login_request(audiences=most, credential_format=JWT))

    def test_every_violation_is_told_at_once(self):
        details = self.assertRefused(
            INVALID, "INVALID_FIELD", self.daemon.public.auth.Login,
            auth_pb2.LoginRequest(
                account="A", requested_ttl={"seconds": 0},
                client=session_pb2.ClientInfo(user_agent="\n")))
        self.assertEqual(set(details.fields),
                         {"account", "proof", "requested_ttl",
                          "client.user_agent"})


if __name__ == "__main__":
    unittest.main()
