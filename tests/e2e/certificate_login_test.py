"""Service accounts that log in by client certificate, over real TLS."""

import json
import threading
import unittest

import grpc
import certificates
import harness
from harness import account_pb2, auth_pb2
from permissions_test import bearer

TIMEOUT = harness.CALL_TIMEOUT_SECONDS
YES, NO = 0, 1
MINE = auth_pb2.ClientCertificate()
DOMAIN = "spiffe://example.org/"


class CertificateLoginTest(certificates.TlsTest):

    CLIENT_CA = True

    def client(self, *options):
        return self.daemon.authority.client("client", *options)

    def stubs(self, client=None):
        stubs = self.daemon.stubs(client)
        self.addCleanup(stubs.channel.close)
        return stubs

    def cli(self, *arguments, admin=True):
        done = harness.run_cli(self.daemon, *arguments, admin=admin)
        self.assertEqual(done.code, YES, done.out + done.err)
        return done.out

    def create(self, name, *names):
        """Makes a service account with these names of certificates."""
        self.cli("account", "create", name, "--service", "--role", "r")
        if names:
            self.set_names(name, *names)

    def set_names(self, name, *names):
        options = [word for one in names for word in ("--name", one)]
        self.cli("account", "certificate", "set", name,
                 *(options or ["--none"]))

    def login(self, stubs, name, **proof):
        response = stubs.auth.Login(
            auth_pb2.LoginRequest(account=name,
                                  **(proof or {"client_certificate": MINE})),
            timeout=TIMEOUT)
        self.daemon.secrets.credential(response.credential)
        return response

    def assertNoWayIn(self, stubs, name, **proof):
        """A refusal that is the same whatever is wrong."""
        with self.assertRaises(grpc.RpcError) as caught:
            self.login(stubs, name, **proof)
        details = harness.Details(caught.exception)
        self.assertEqual(
            (details.code, details.message, details.reason, details.metadata,
             details.retry_seconds, details.fields),
            (grpc.StatusCode.UNAUTHENTICATED, "login refused",
             "LOGIN_REFUSED", {}, None, {}))


class Login(CertificateLoginTest):

    def test_by_each_of_its_names(self):
        self.create("billing", "uri:" + DOMAIN + "billing",
                    "dns:billing.example.org")
        for options in (("--uri", DOMAIN + "billing"),
                        ("--dns", "billing.example.org"),
                        ("--dns", "else.example.org", "--dns",
                         "billing.example.org")):
            with self.subTest(options):
                response = self.login(self.stubs(self.client(*options)),
                                      "billing")
                self.assertEqual(response.session.account, "accounts/billing")
                self.assertEqual(list(response.session.roles), ["r"])

    def test_by_the_command_line(self):
        self.create("mailer", "uri:" + DOMAIN + "mailer")
        client = self.client("--uri", DOMAIN + "mailer")
        tls = ("--tls-ca", self.daemon.ca.certificate)
        mine = (*tls, "--tls-certificate", client.certificate, "--tls-key",
                client.key)
        out = self.cli("--json", *mine, "login", "mailer", "--certificate",
                       admin=False)
        self.daemon.secrets.credential(json.loads(out)["credential"])
        for arguments in ((*tls, "login", "mailer", "--certificate"),
                          (*mine, "login", "nobody", "--certificate")):
            done = harness.run_cli(self.daemon, *arguments)
            self.assertEqual(done.code, NO)
            self.assertIn("LOGIN_REFUSED", done.err)

    def test_the_session_is_as_any_other(self):
        self.create("robot", "uri:" + DOMAIN + "robot")
        stubs = self.stubs(self.client("--uri", DOMAIN + "robot"))
        credential = self.login(stubs, "robot").credential

        def is_active():
            return self.daemon.private.auth.Validate(
                auth_pb2.ValidateRequest(credential=credential),
                timeout=TIMEOUT).active
        # Whoever has it is the holder, from a connection without certificate.
        self.assertTrue(is_active())
        self.daemon.logout(credential)
        self.assertFalse(is_active())

    def test_nothing_else_is_a_way_in(self):
        other_ca = certificates.Authority(self.directory + "/otherca")
        of, mine = self.client, ("--uri", DOMAIN + "x")
        for number, (kind, client) in enumerate((
                ("another's", lambda: of("--uri", DOMAIN + "y")),
                ("none", lambda: None),
                ("only the common name", lambda: of("--no-san", "--cn",
                                                    "x.example.org")),
                ("the common name beside another SAN", lambda: of(
                    "--dns", "y.example.org", "--cn", "x.example.org")),
                ("the URI as a common name", lambda: of(
                    "--no-san", "--cn", DOMAIN + "x")),
                ("a name of the other kind", lambda: of(
                    "--uri", "https://x.example.org")),
                ("below the name", lambda: of("--uri", DOMAIN + "x/y")),
                ("above the name", lambda: of("--uri", "spiffe://example.org")),
                ("a wildcard", lambda: of("--dns", "*.example.org")),
                ("another domain", lambda: of("--uri", "spiffe://other.org/x")),
                ("two SPIFFE IDs", lambda: of(*mine, "--uri", DOMAIN + "y")))):
            with self.subTest(kind):
                # One each: the guard counts failures.
                name = "none%d" % number
                self.create(name, "uri:" + DOMAIN + "x", "dns:x.example.org")
                self.assertNoWayIn(self.stubs(client()), name)
                self.login(self.stubs(of(*mine)), name)
        # Who does not get through the handshake gets no answer at all.
        for client in (other_ca.client("x", *mine),
                       of(*mine, "--days", "1", "--from", "2 days ago")):
            with self.assertRaises(grpc.RpcError) as caught:
                self.login(self.stubs(client), "none0")
            self.assertEqual(caught.exception.code(),
                             grpc.StatusCode.UNAVAILABLE)

    def test_every_failure_is_told_the_same(self):
        password = self.daemon.create_account("person")
        secret = self.daemon.create_service("keyed")
        self.create("unnamed")
        self.create("named", "uri:" + DOMAIN + "named")
        stubs = self.stubs(self.client("--uri", DOMAIN + "person"))
        for name, proof in (
                ("nobody", {}), ("unnamed", {}), ("named", {}),
                # Kinds of accounts and proofs that do not go together.
                ("person", {}), ("keyed", {}),
                ("named", {"password": password}),
                ("named", {"client_secret": secret}),
                ("named", {"client_assertion": "a.b.c"})):
            with self.subTest(account=name):
                self.assertNoWayIn(stubs, name, **proof)
        self.login(stubs, "person", password=password)

    def test_a_credential_in_the_header_changes_nothing(self):
        self.create("header", "uri:" + DOMAIN + "header")
        mine = self.stubs(self.client("--uri", DOMAIN + "header"))
        credential = self.login(mine, "header").credential
        request = auth_pb2.LoginRequest(account="header",
                                        client_certificate=MINE)
        harness.assert_refused(
            self, grpc.StatusCode.UNAUTHENTICATED, "LOGIN_REFUSED",
            self.stubs().auth.Login, request, metadata=bearer(credential))
        response = mine.auth.Login(request, timeout=TIMEOUT,
                                   metadata=bearer("lks_rubbish"))
        self.daemon.secrets.credential(response.credential)

    def test_a_name_may_open_two_accounts_and_is_asked_for_one(self):
        for name in ("blue", "green"):
            self.create(name, "uri:" + DOMAIN + "both")
        stubs = self.stubs(self.client("--uri", DOMAIN + "both"))
        for name in ("blue", "green"):
            self.assertEqual(self.login(stubs, name).session.account,
                             "accounts/" + name)


class TakenAway(CertificateLoginTest):
    """At once, over a connection that has been let in before."""

    def enter(self, name):
        self.create(name, "uri:" + DOMAIN + name)
        stubs = self.stubs(self.client("--uri", DOMAIN + name))
        return stubs, self.login(stubs, name).credential

    def is_active(self, credential):
        return self.daemon.private.auth.Validate(
            auth_pb2.ValidateRequest(credential=credential),
            timeout=TIMEOUT).active

    def test_a_disabled_account(self):
        stubs, credential = self.enter("disabled")
        self.cli("account", "disable", "disabled")
        self.assertNoWayIn(stubs, "disabled")
        self.assertFalse(self.is_active(credential))
        self.cli("account", "enable", "disabled")
        self.login(stubs, "disabled")
        self.assertFalse(self.is_active(credential))

    def test_a_deleted_account(self):
        stubs, credential = self.enter("deleted")
        self.cli("account", "delete", "deleted")
        self.assertNoWayIn(stubs, "deleted")
        self.assertFalse(self.is_active(credential))
        # The next of that name begins without names.
        self.create("deleted")
        self.assertNoWayIn(stubs, "deleted")

    def test_a_name_of_the_account(self):
        stubs, credential = self.enter("renamed")
        self.set_names("renamed", "uri:" + DOMAIN + "other")
        self.assertNoWayIn(stubs, "renamed")
        # Sessions stay, as with any proof that is taken away.
        self.assertTrue(self.is_active(credential))
        self.set_names("renamed")
        self.assertNoWayIn(stubs, "renamed")
        self.set_names("renamed", "uri:" + DOMAIN + "renamed")
        self.login(stubs, "renamed")

    def test_also_after_a_restart(self):
        self.enter("stays")
        self.enter("goes")
        self.set_names("goes")
        self.daemon.restart()
        self.login(self.stubs(self.client("--uri", DOMAIN + "stays")), "stays")
        self.assertNoWayIn(self.stubs(self.client("--uri", DOMAIN + "goes")),
                           "goes")

    def test_no_login_that_began_later_gets_in(self):
        """Many go on while the name is removed."""
        stubs, _ = self.enter("raced")
        removed = threading.Event()
        wrong = []

        def go_on():
            while True:
                began_later = removed.is_set()
                try:
                    self.login(stubs, "raced")
                except grpc.RpcError:
                    return
                if began_later:
                    wrong.append("let in")
                    return

        threads = [threading.Thread(target=go_on) for _ in range(4)]
        for thread in threads:
            thread.start()
        self.daemon.private.accounts.SetCertificateNames(
            account_pb2.SetCertificateNamesRequest(name="accounts/raced"),
            timeout=TIMEOUT)
        removed.set()
        for thread in threads:
            thread.join()
        self.assertEqual(wrong, [])


class NotAskedFor(CertificateLoginTest):

    SETTINGS = ("--client_certificate", "none")

    def test_a_certificate_that_was_not_asked_for_is_none(self):
        self.create("asked", "uri:" + DOMAIN + "asked")
        self.assertNoWayIn(self.stubs(self.client("--uri", DOMAIN + "asked")),
                           "asked")


if __name__ == "__main__":
    unittest.main()
