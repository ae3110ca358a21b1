"""Service accounts, through the command line and over the wire."""

import base64
import json
import os
import secrets
import shutil
import subprocess
import tempfile
import time
import unittest

import grpc
import harness
from harness import JWT, account_pb2, auth_pb2

TIMEOUT = harness.CALL_TIMEOUT_SECONDS
YES, NO, USAGE = 0, 1, 2
ISSUER = "latchkey:e2e"


def base64url(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


class Signer:
    """A service's key: makes assertions by the openssl command."""

    def __init__(self, directory, kid="k1"):
        self.path = os.path.join(directory, kid + ".pem")
        self.kid = kid
        self._openssl("genpkey", "-algorithm", "ed25519", "-out", self.path)

    def _openssl(self, *arguments):
        return subprocess.run(["openssl", *arguments], check=True,
                              stdout=subprocess.PIPE).stdout

    def jwks(self):
        # The key is the end of its DER form.
        public = self._openssl("pkey", "-in", self.path, "-pubout",
                               "-outform", "DER")[-32:]
        return json.dumps({"keys": [{
            "kty": "OKP", "crv": "Ed25519", "kid": self.kid,
            "x": base64url(public)}]})

    def assertion(self, account, **claims):
        now = int(time.time())
        payload = {"iss": account, "sub": account, "aud": ISSUER, "iat": now,
                   "exp": now + 60, "jti": secrets.token_hex(16)}
        payload.update(claims)
        text = ".".join(base64url(json.dumps(part).encode()) for part in (
            {"alg": "EdDSA", "kid": self.kid, "typ": "JWT"}, payload))
        with open(self.path + ".input", "w", encoding="ascii") as file:
            file.write(text)
        signature = self._openssl("pkeyutl", "-sign", "-rawin", "-inkey",
                                  self.path, "-in", self.path + ".input")
        return text + "." + base64url(signature)


class Service(harness.DaemonTest):

    SETTINGS = ("--issuer", ISSUER)

    def setUp(self):
        self.directory = tempfile.mkdtemp(prefix="latchkey-e2e.")
        self.addCleanup(shutil.rmtree, self.directory)

    def cli(self, code, *arguments, **options):
        done = self.run_cli(*arguments, **options)
        self.assertEqual(done.code, code, done.out + done.err)
        return done.out

    def create(self, name, *arguments):
        self.cli(YES, "account", "create", name, "--service", *arguments,
                 admin=True)
        self.addCleanup(self.cli, YES, "account", "delete", name, admin=True)

    def add_secret(self, name):
        return self.daemon.secrets.credential(self.cli(
            YES, "account", "secret", "add", name, "--secret-only",
            admin=True).strip())

    def secret_ids(self, name):
        listed = json.loads(self.cli(YES, "--json", "account", "secret",
                                     "list", name, admin=True))
        return [s["name"].rpartition("/")[2] for s in listed["client_secrets"]]

    def login(self, code, name, option, proof, *arguments):
        out = self.cli(code, "login", name, option, "--credential-only",
                       *arguments, stdin=proof.encode())
        return self.daemon.secrets.credential(out.strip()) if out else None

    def test_the_life_of_a_secret(self):
        self.create("billing", "--role", "b", "--role", "a")
        self.assertRegex(self.cli(YES, "account", "show", "billing",
                                  admin=True), r"(?m)^kind +service$")
        first = self.add_secret("billing")
        self.assertRegex(first, r"\Alkc_[0-9A-Za-z]{49}\Z")
        kept = os.path.join(self.directory, "secret")
        shown = self.cli(YES, "account", "secret", "add", "billing",
                         "--secret-file", kept, admin=True)
        self.assertNotIn("lkc_", shown)
        with open(kept, encoding="ascii") as file:
            second = self.daemon.secrets.credential(file.read().strip())
        self.cli(NO, "account", "secret", "add", "billing", admin=True)
        ids = self.secret_ids("billing")
        self.assertEqual(len(ids), 2)

        by_first = self.login(YES, "billing", "--client-secret-stdin", first)
        out = self.cli(YES, "login", "billing", "--client-secret-file", kept,
                       "--credential-file",
                       os.path.join(self.directory, "credential"))
        self.assertRegex(out, r"(?m)^roles +a b$")
        self.assertRegex(out, r"(?m)^proof +client_secret$")

        self.cli(YES, "account", "secret", "remove", "billing", ids[0],
                 admin=True)
        self.login(NO, "billing", "--client-secret-stdin", first)
        self.cli(YES, "validate", "--credential-stdin",
                 stdin=by_first.encode())
        self.login(YES, "billing", "--client-secret-stdin", second)
        self.cli(YES, "account", "secret", "remove", "billing", ids[1],
                 "--end-sessions", admin=True)
        self.cli(NO, "validate", "--credential-stdin", stdin=by_first.encode())
        self.cli(NO, "account", "secret", "remove", "billing", ids[1],
                 admin=True)
        self.assertEqual(self.secret_ids("billing"), [])

    def test_roles_are_in_the_jwt(self):
        self.create("mailer", "--role", "send")
        token = self.login(YES, "mailer", "--client-secret-stdin",
                           self.add_secret("mailer"), "--jwt",
                           "--refresh-file",
                           os.path.join(self.directory, "refresh"))
        claims = json.loads(base64.urlsafe_b64decode(
            token.split(".")[1] + "=="))
        self.assertEqual(claims["roles"], ["send"])
        self.assertEqual(claims["amr"], ["client_secret"])
        self.assertEqual(claims["account"], "mailer")

    def test_an_assertion_is_good_once_also_across_a_restart(self):
        daemon = harness.start_daemon(self, self.SETTINGS)
        signer = Signer(self.directory)
        accounts = daemon.private.accounts
        accounts.CreateAccount(account_pb2.CreateAccountRequest(
            account_id="robot", kind=account_pb2.ACCOUNT_KIND_SERVICE),
            timeout=TIMEOUT)
        set_keys = harness.run_cli(daemon, "account", "jwks", "set", "robot",
                                   stdin=signer.jwks().encode(), admin=True)
        self.assertEqual(set_keys.code, YES, set_keys.err)
        assertion = daemon.secrets.credential(signer.assertion("robot"))

        def login(code, proof):
            done = harness.run_cli(daemon, "login", "robot",
                                   "--assertion-stdin", "--credential-only",
                                   stdin=proof.encode())
            self.assertEqual(done.code, code, done.err)
            daemon.secrets.credential(done.out.strip())
            return done.out.strip()

        credential = login(YES, assertion)
        self.assertTrue(daemon.validate(credential).active)
        login(NO, assertion)
        daemon.restart()
        login(NO, assertion)
        daemon.kill()
        daemon.start()
        login(NO, assertion)
        login(YES, signer.assertion("robot"))
        login(NO, signer.assertion("robot", aud="latchkey:another"))
        login(NO, signer.assertion("robot", aud=[ISSUER, "another"]))
        login(NO, Signer(self.directory, "k2").assertion("robot"))

    def test_keys_are_checked_before_they_are_kept(self):
        self.create("keyed")
        for bad in ("", "{", '{"keys":[{"kty":"RSA","kid":"a"}]}'):
            self.cli(USAGE, "account", "jwks", "set", "keyed", admin=True,
                     stdin=bad.encode())
        signer = Signer(self.directory)
        self.cli(YES, "account", "jwks", "set", "keyed", admin=True,
                 stdin=signer.jwks().encode())
        shown = self.cli(YES, "account", "show", "keyed", admin=True)
        self.assertIn('"kid":"k1"', shown)
        self.cli(YES, "account", "jwks", "set", "keyed", "--none", admin=True)
        self.assertNotIn("kid", self.cli(YES, "account", "show", "keyed",
                                         admin=True))

    def test_certificate_names_are_kept_and_asked_for(self):
        self.create("certified")
        name = "uri:spiffe://example.org/certified"
        self.cli(YES, "account", "certificate", "set", "certified", "--name",
                 name, "--name", "dns:a.example.org", admin=True)
        self.assertRegex(
            self.cli(YES, "account", "show", "certified", admin=True),
            r"(?m)^certificates +dns:a.example.org " + name + "$")
        self.cli(USAGE, "account", "certificate", "set", "certified", "--name",
                 "a.example.org", admin=True)
        # Without TLS there is no certificate.
        self.cli(NO, "login", "certified", "--certificate")

    def test_each_kind_of_account_has_proofs_of_its_own(self):
        password = self.daemon.create_account("carol")
        self.create("robo")
        secret = self.add_secret("robo")
        for account, proof in (
                ("carol", {"client_secret": secret}),
                ("carol", {"client_assertion": "a.b.c"}),
                ("carol", {"client_certificate":
                           auth_pb2.ClientCertificate()}),
                ("robo", {"password": password}),
                ("robo", {"password": secret}),
                ("nobody", {"client_secret": secret})):
            details = self.assertRefused(
                grpc.StatusCode.UNAUTHENTICATED, "LOGIN_REFUSED",
                self.daemon.public.auth.Login,
                auth_pb2.LoginRequest(account=account, **proof))
            self.assertEqual(details.message, "login refused")
        accounts = self.daemon.private.accounts
        for method, request in (
                (accounts.SetPassword, account_pb2.SetPasswordRequest(
                    name="accounts/robo", password=password)),
                (accounts.AddClientSecret, account_pb2.AddClientSecretRequest(
                    parent="accounts/carol")),
                (accounts.SetJwks, account_pb2.SetJwksRequest(
                    name="accounts/carol",
                    jwks=Signer(self.directory).jwks()))):
            self.assertRefused(grpc.StatusCode.FAILED_PRECONDITION,
                               "WRONG_ACCOUNT_KIND", method, request)
        self.assertRefused(
            grpc.StatusCode.INVALID_ARGUMENT, "INVALID_FIELD",
            accounts.CreateAccount, account_pb2.CreateAccountRequest(
                account_id="x", kind=account_pb2.ACCOUNT_KIND_SERVICE,
                password=password))
        # The wrong way round is no way in either.
        self.daemon.login("carol", password, JWT)


if __name__ == "__main__":
    unittest.main()
