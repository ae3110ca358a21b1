"""Callers known by their client certificates, over real TLS: who is let in, who
may call what, and that a connection is nobody: each call is."""

import shutil
import ssl
import tempfile
import threading
import time
import unittest

import grpc
import certificates
import harness
from harness import auth_pb2
from permissions_test import ADMIN, VALIDATOR, Table, bearer
from relay import Relay

VALIDATE = "/latchkey.v1.AuthService/Validate"
LIST_KEYS = "/latchkey.v1.KeyService/ListKeys"
LET_IN = "INVALID_FIELD"  # calls without a message are, where they are read
REFUSED = "NOT_PERMITTED"

GRANTS = ("--grant", "uri:spiffe://example.org/a=validator",
          "--grant", "uri:spiffe://example.org/operator=admin",
          "--grant", "uri:spiffe://example.org/prod/*=validator",
          "--grant", "uri:https://example.org/x=validator",
          "--grant", "dns:a.example.org=validator",
          "--grant", "dns:admin.example.org=admin,validator")


def answer_to_handshake(daemon, client):
    """Returns what the server says first to who shows that certificate: its
    first bytes of HTTP/2, or b"" if it ends the connection instead. (Of TLS 1.3
    the client's part is over before the server judges its certificate.)"""
    context = certificates.client_context(daemon.ca, client)
    try:
        with daemon.handshake(context) as connection:
            return connection.recv(9)
    except (ssl.SSLError, ConnectionError):
        return b""


class CallersTest(certificates.TlsTest, Table):

    CLIENT_CA = True
    SETTINGS = GRANTS

    def stubs(self, client=None):
        stubs = self.daemon.stubs(client)
        self.addCleanup(stubs.channel.close)
        return stubs

    def client(self, name, *options):
        return self.daemon.authority.client(name, *options)


class TenCertificates(CallersTest):
    """Optional, as is the default once there is a client CA; and, as is the
    default with TLS, nobody may validate without being known."""

    def test_each_kind(self):
        has = {"good": {VALIDATOR}, "by name": {VALIDATOR}, "no name": set(),
               "common name only": set(), "other domain": set(),
               "not in the map": set()}
        kinds = list(certificates.client_kinds(self.daemon.authority))
        kinds.append(("not in the map", self.client(
            "unmapped", "--uri", "spiffe://example.org/b"), "let in"))
        for kind, client, expected in kinds:
            with self.subTest(kind):
                first = answer_to_handshake(self.daemon, client)
                self.assertEqual(bool(first), expected == "let in")
                self.assertEqual(self.outcome(client), expected)
                if kind in has:
                    self.assertTable(has.pop(kind), self.stubs(client))
        self.assertEqual(has, {})

    def test_who_shows_none_is_nobody(self):
        self.assertTable(set(), self.stubs())

    def test_an_admin_may_administer_and_not_validate(self):
        admin = self.client("admin", "--uri", "spiffe://example.org/operator")
        self.assertTable({ADMIN}, self.stubs(admin))
        stubs = self.stubs(admin)
        stubs.accounts.CreateAccount(harness.account_pb2.CreateAccountRequest(
            account_id="made", kind=harness.account_pb2.ACCOUNT_KIND_SERVICE),
            timeout=certificates.TIMEOUT)
        self.daemon.private.accounts.GetAccount(
            harness.account_pb2.GetAccountRequest(name="accounts/made"),
            timeout=certificates.TIMEOUT)

    def test_a_refusal_says_no_more_than_that(self):
        details = harness.assert_refused(
            self, grpc.StatusCode.PERMISSION_DENIED, REFUSED,
            self.stubs(self.client("b", "--uri", "spiffe://example.org/b"))
            .auth.Validate, auth_pb2.ValidateRequest(credential="x"))
        self.assertEqual(details.message, "not permitted to this caller")
        self.assertEqual(details.metadata, {})

    def test_names(self):
        """Each row: SANs, and who that is."""
        for has, *options in (
                # Below prod at any depth, and nothing beside it.
                ({VALIDATOR}, "--uri", "spiffe://example.org/prod/api"),
                ({VALIDATOR}, "--uri", "spiffe://example.org/prod/api/v2"),
                (set(), "--uri", "spiffe://example.org/prod"),
                (set(), "--uri", "spiffe://example.org/prod/"),
                (set(), "--uri", "spiffe://example.org/production/api"),
                (set(), "--uri", "spiffe://example.org/prod/../operator"),
                (set(), "--uri", "spiffe://other.org/prod/api"),
                (set(), "--uri", "https://example.org/prod/api"),
                (set(), "--uri", "spiffe://example.org/prod/*"),
                # Byte by byte.
                (set(), "--uri", "spiffe://example.org/A"),
                (set(), "--uri", "spiffe://example.org/a/b"),
                (set(), "--uri", "SPIFFE://example.org/a"),
                # Two SPIFFE IDs are none; other names stand for themselves.
                (set(), "--uri", "spiffe://example.org/a", "--uri",
                 "spiffe://example.org/operator"),
                ({VALIDATOR}, "--uri", "spiffe://example.org/operator",
                 "--uri", "https://example.org/x"),
                ({VALIDATOR, ADMIN}, "--uri", "spiffe://example.org/operator",
                 "--dns", "a.example.org"),
                # DNS names: the case of letters is nothing, a * is no name.
                ({VALIDATOR}, "--dns", "b.example.org", "--dns",
                 "A.Example.Org"),
                (set(), "--dns", "*.example.org"),
                (set(), "--dns", "b.a.example.org"),
                # A name of another kind, and what is no SAN at all.
                (set(), "--dns", "b.example.org", "--cn", "admin.example.org"),
                (set(), "--uri", "https://admin.example.org"),
                (set(), "--no-san", "--cn", "admin.example.org")):
            with self.subTest(options):
                stubs = self.stubs(self.client("named", *options))
                for permission, path in ((VALIDATOR, VALIDATE),
                                         (ADMIN, LIST_KEYS)):
                    self.assertEqual(self.reason(stubs, path),
                                     LET_IN if permission in has else REFUSED)


class Heeded(CallersTest):
    """What a certificate adds to calls that others may make, too."""

    # An account that many networks guess at makes all of them wait: not here.
    SETTINGS = (*GRANTS, "--login_burst", "2",
                "--login_account_burst", "1000",
                "--grant", "uri:spiffe://example.org/gateway=on_behalf",
                "--grant", "uri:spiffe://example.org/why=validator,reason")

    def of(self, name):
        return self.stubs(self.client(name, "--uri",
                                      "spiffe://example.org/" + name))

    def test_who_is_asked_on_behalf_of(self):
        password = self.daemon.create_account("alice")

        def told(stubs, address, password="wrong"):
            try:
                response = stubs.auth.Login(auth_pb2.LoginRequest(
                    account="alice", password=password,
                    client=harness.session_pb2.ClientInfo(
                        ip_address=address)), timeout=certificates.TIMEOUT)
                self.daemon.secrets.credential(response.credential)
                return "let in"
            except grpc.RpcError as error:
                return harness.Details(error).reason

        def guess(stubs, addresses):
            """Guesses from one address after the other until it must wait,
            which is after two, but for tries that come when their wait is
            over: each doubles the next. Returns when the last one that need
            not wait began."""
            refused = 0
            for address in addresses:
                began = time.monotonic()
                answer = told(stubs, address)
                if answer != "LOGIN_REFUSED":
                    break
                refused, last = refused + 1, began
            self.assertEqual(answer, "LOGIN_THROTTLED")
            self.assertGreaterEqual(refused, 2)
            return last

        gateway, validator = self.of("gateway"), self.of("a")
        # One network waits; others do not, nor does the gateway's.
        last = guess(gateway, ["203.0.113.%d" % i for i in range(1, 200)])
        answer = told(gateway, "203.0.113.200", password)
        # The shortest wait is a second.
        if time.monotonic() - last < 1:
            self.assertEqual(answer, "LOGIN_THROTTLED")
        self.assertEqual(told(gateway, "198.51.100.1"), "LOGIN_REFUSED")
        # What anybody else says of it does not count.
        guess(validator, ["198.18.%d.1" % i for i in range(200)])
        self.assertEqual(told(gateway, "198.51.100.1", password), "let in")

    def test_who_is_told_why_a_credential_is_inactive(self):
        request = auth_pb2.ValidateRequest(credential="lks_unknown")
        for name, known in (("a", False), ("why", True)):
            response = self.of(name).auth.Validate(
                request, timeout=certificates.TIMEOUT)
            self.assertFalse(response.active)
            untold = auth_pb2.INACTIVE_REASON_UNSPECIFIED
            self.assertEqual(response.inactive_reason != untold, known)

    def test_who_ends_a_session_by_its_name(self):
        password = self.daemon.create_account("victim")
        request = auth_pb2.LogoutRequest(
            session=self.daemon.login("victim", password).session.name)
        harness.assert_refused(
            self, grpc.StatusCode.PERMISSION_DENIED, REFUSED,
            self.of("a").auth.Logout, request)
        self.assertEqual(self.of("operator").auth.Logout(
            request, timeout=certificates.TIMEOUT).ended_count, 1)


class NotAskedFor(CallersTest):
    """What is shown unasked is not looked at."""

    SETTINGS = (*GRANTS, "--client_certificate", "none")

    def test_each_kind(self):
        for kind, client, _ in certificates.client_kinds(
                self.daemon.authority):
            with self.subTest(kind):
                self.assertTable(set(), self.stubs(client))


class RemovedFromTheMap(unittest.TestCase):

    def test_who_was_let_in_is_refused_after_a_restart_without_the_grant(self):
        directory = tempfile.mkdtemp(prefix="latchkey-e2e.")
        self.addCleanup(shutil.rmtree, directory)
        daemon = certificates.TlsDaemon(directory, GRANTS, client_ca=True)
        self.addCleanup(daemon.close)
        daemon.start()
        a = daemon.authority.client("a", "--uri", "spiffe://example.org/a")
        other = daemon.authority.client("other", "--dns", "a.example.org")

        def may_validate(client):
            stubs = daemon.stubs(client)
            try:
                return Table.reason(self, stubs, VALIDATE) == LET_IN
            finally:
                stubs.channel.close()

        self.assertTrue(may_validate(a))
        self.assertTrue(may_validate(other))
        removed = daemon.settings.index(GRANTS[1])
        del daemon.settings[removed - 1:removed + 1]
        daemon.restart()
        self.assertFalse(may_validate(a))
        self.assertTrue(may_validate(other))


class EachCall(CallersTest):
    """The caller is that of the call: nothing of it stays in the connection."""

    SETTINGS = (*GRANTS, "--grant", "account:v=validator",
                "--grant", "account:a=admin")

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.credentials = {
            name: [cls.daemon.login_service(name, secret, form).credential
                   for form in (harness.OPAQUE, harness.JWT)]
            for name in "va" for secret in [cls.daemon.create_service(name)]}
        cls.certified = cls.daemon.authority.client(
            "certified", "--uri", "spiffe://example.org/a")

    def one_connection(self, client=None):
        """Returns stubs over one connection, which is asserted at the end."""
        relay = Relay(self.daemon.address)
        self.addCleanup(relay.close)
        stubs = harness.Stubs(relay.address, certificates.channel_credentials(
            self.daemon.ca, client))
        self.addCleanup(stubs.channel.close)
        self.addCleanup(lambda: self.assertEqual(relay.connections, 1))
        return stubs

    def assertCalls(self, stubs, rows):
        for path, metadata, expected in rows:
            self.assertEqual(self.reason(stubs, path, metadata), expected)

    def certified_rows(self):
        bad = bearer("lks_rubbish")
        for form in (0, 1):  # opaque, JWT
            admin = bearer(self.credentials["a"][form])
            validator = bearer(self.credentials["v"][form])
            yield from (
                (VALIDATE, (), LET_IN),
                (LIST_KEYS, (), REFUSED),
                # What the certificate does not give must be shown well...
                (LIST_KEYS, bad, "CALLER_REFUSED"),
                (VALIDATE, (), LET_IN),
                (LIST_KEYS, validator, REFUSED),
                (LIST_KEYS, admin, LET_IN),
                # ... with each call anew; what it gives, needs nothing more.
                (LIST_KEYS, (), REFUSED),
                (VALIDATE, bad, LET_IN),
                (VALIDATE, admin, LET_IN),
                (LIST_KEYS, bad, "CALLER_REFUSED"),
                (LIST_KEYS, (), REFUSED),
                (VALIDATE, (), LET_IN))

    def uncertified_rows(self):
        bad = bearer("lks_rubbish")
        for form in (0, 1):  # opaque, JWT
            admin = bearer(self.credentials["a"][form])
            validator = bearer(self.credentials["v"][form])
            yield from (
                (VALIDATE, (), REFUSED),
                (VALIDATE, validator, LET_IN),
                (VALIDATE, (), REFUSED),
                (VALIDATE, bad, "CALLER_REFUSED"),
                (VALIDATE, admin, REFUSED),
                (LIST_KEYS, validator, REFUSED),
                (LIST_KEYS, admin, LET_IN),
                (LIST_KEYS, (), REFUSED),
                (VALIDATE, validator, LET_IN))

    def test_a_certificate_and_credentials_over_one_connection(self):
        self.assertCalls(self.one_connection(self.certified),
                         self.certified_rows())

    def test_credentials_alone_over_one_connection(self):
        self.assertCalls(self.one_connection(), self.uncertified_rows())

    def test_a_name_that_is_not_granted_has_what_its_credential_has(self):
        unmapped = self.client("unmapped", "--uri", "spiffe://example.org/b")
        self.assertCalls(self.one_connection(unmapped),
                         self.uncertified_rows())

    def test_calls_at_the_same_time_do_not_become_each_other(self):
        failures = []

        def call(stubs, rows):
            try:
                for _ in range(10):
                    self.assertCalls(stubs, rows)
            except AssertionError as error:  # told by the test's own thread
                failures.append(error)

        threads = []
        for stubs, rows in (
                (self.one_connection(self.certified), self.certified_rows()),
                (self.one_connection(), self.uncertified_rows())):
            self.reason(stubs, VALIDATE)  # connects
            for row in rows:
                threads.append(threading.Thread(target=call,
                                                args=(stubs, [row])))
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.assertEqual(failures, [])

    def test_an_ended_credential_is_refused_over_the_same_connection(self):
        secret = self.daemon.create_service("ended")
        credential = self.daemon.login_service("ended", secret).credential
        stubs = self.one_connection(self.certified)
        self.assertCalls(stubs, [(LIST_KEYS, bearer(credential), REFUSED)])
        self.daemon.logout(credential)
        self.assertCalls(stubs, [
            (LIST_KEYS, bearer(credential), "CALLER_REFUSED"),
            (VALIDATE, (), LET_IN)])


if __name__ == "__main__":
    unittest.main()
