"""TLS on the network port: versions, certificates of clients, new certificates
while calls run."""

import os
import shutil
import ssl
import tempfile
import threading
import unittest
import warnings

import grpc
import certificates
import harness
from certificates import TlsDaemon
from harness import auth_pb2

TIMEOUT = harness.CALL_TIMEOUT_SECONDS
# Who may call is another test's matter; by default TLS closes Validate.
OPEN = ("--open_validate", "yes")


class WithoutClientCertificates(certificates.TlsTest):

    SETTINGS = OPEN

    def test_a_round_trip(self):
        password = self.daemon.create_account("alice")
        for credential_format in (harness.OPAQUE, harness.JWT):
            credential = self.daemon.login("alice", password,
                                           credential_format).credential
            self.assertTrue(self.daemon.validate(credential).active)
            self.daemon.logout(credential)
            self.assertFalse(self.daemon.validate(credential).active)

    def test_only_tls_1_3_is_spoken(self):
        context = certificates.client_context(self.daemon.ca)
        with self.daemon.handshake(context) as connection:
            self.assertEqual(connection.version(), "TLSv1.3")
            self.assertEqual(connection.selected_alpn_protocol(), "h2")
        # Python would rather not speak them either.
        warnings.simplefilter("ignore", DeprecationWarning)
        for version in (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_1,
                        ssl.TLSVersion.TLSv1):
            with self.subTest(version=version.name):
                old = certificates.client_context(self.daemon.ca)
                # Whatever the system's own configuration forbids.
                old.set_ciphers("ALL:PSK:@SECLEVEL=0")
                old.minimum_version = version
                old.maximum_version = version
                with self.assertRaises((ssl.SSLError, ConnectionError)):
                    self.daemon.handshake(old)

    def test_the_environment_cannot_allow_tls_1_2(self):
        directory = tempfile.mkdtemp(prefix="latchkey-e2e.")
        self.addCleanup(shutil.rmtree, directory)
        os.environ["GRPC_SSL_CIPHER_SUITES"] = "ECDHE-ECDSA-AES128-GCM-SHA256"
        try:
            daemon = TlsDaemon(directory).start()
        finally:
            del os.environ["GRPC_SSL_CIPHER_SUITES"]
        self.addCleanup(daemon.close)
        old = certificates.client_context(daemon.ca)
        old.maximum_version = ssl.TLSVersion.TLSv1_2
        with self.assertRaises((ssl.SSLError, ConnectionError)):
            daemon.handshake(old)
        daemon.served_certificate()

    def test_plaintext_gets_no_answer(self):
        stubs = harness.Stubs(self.daemon.address)
        self.addCleanup(stubs.channel.close)
        with self.assertRaises(grpc.RpcError) as caught:
            stubs.auth.Validate(auth_pb2.ValidateRequest(credential="x"),
                                timeout=TIMEOUT)
        self.assertEqual(caught.exception.code(), grpc.StatusCode.UNAVAILABLE)

    def test_the_admin_socket_needs_no_certificate(self):
        self.daemon.create_account("bob")

    def test_no_client_is_asked_for_a_certificate(self):
        stranger = certificates.Authority(
            os.path.join(self.directory, "stranger")).client("x")
        self.assertEqual(self.outcome(stranger), "let in")


class ClientCertificates(certificates.TlsTest):
    """Optional, as is the default once there is a client CA."""

    CLIENT_CA = True
    # Who shows none.
    STRANGER = "let in"

    def clients(self):
        """Yields kind, certificate, and what becomes of who shows it."""
        yield from certificates.client_kinds(self.daemon.authority)

    def test_each_client_certificate(self):
        for kind, client, expected in self.clients():
            with self.subTest(kind):
                self.assertEqual(self.outcome(client), expected)

    def test_a_client_without_one(self):
        self.assertEqual(self.outcome(), self.STRANGER)

    def test_who_is_kept_out_leaves_the_port_to_others(self):
        for kind, client, expected in self.clients():
            if expected == "kept out":
                self.outcome(client)
        good = self.daemon.authority.client("good2")
        self.assertEqual(self.outcome(good), "let in")


class ClientCertificatesRequired(ClientCertificates):

    SETTINGS = ("--client_certificate", "required")
    STRANGER = "kept out"


class ClientCertificatesNotAskedFor(ClientCertificates):

    SETTINGS = ("--client_certificate", "none")

    def clients(self):
        for kind, client, _ in super().clients():
            yield kind, client, "let in"


class Reload(unittest.TestCase):

    def setUp(self):
        self.directory = tempfile.mkdtemp(prefix="latchkey-e2e.")
        self.addCleanup(shutil.rmtree, self.directory)
        self.daemon = TlsDaemon(self.directory, OPEN,
                                client_ca=True).start()
        self.addCleanup(self.daemon.close)

    def offer(self, pair):
        self.daemon.secrets.key_pem(pair.key_bytes())
        certificates.replace(self.daemon.pair.certificate,
                             pair.certificate_bytes())
        certificates.replace(self.daemon.pair.key, pair.key_bytes())

    def another(self, name, *options):
        return self.daemon.authority.server(name, *options)

    def test_new_certificates_come_while_calls_run(self):
        """Calls on old connections and on new ones; none fails."""
        done = threading.Event()
        failures, calls = [], [0, 0]

        def call_on(index, stubs):
            stubs.auth.Validate(auth_pb2.ValidateRequest(credential="x"),
                                timeout=TIMEOUT)
            calls[index] += 1

        def go_on(index, one_connection):
            stubs = self.daemon.stubs()
            try:
                while not done.is_set():
                    call_on(index, stubs)
                    if not one_connection:
                        stubs.channel.close()
                        stubs = self.daemon.stubs()
            except Exception as error:  # reported by the test's own thread
                failures.append(error)
            finally:
                stubs.channel.close()

        threads = [threading.Thread(target=go_on, args=arguments)
                   for arguments in ((0, True), (0, True), (1, False))]
        for thread in threads:
            thread.start()
        try:
            for i in range(3):
                # A bad pair meanwhile: the key of another certificate.
                good, bad = self.another("new%d" % i), self.another("bad%d" % i)
                certificates.replace(self.daemon.pair.key, bad.key_bytes())
                self.daemon.wait_for_log("new certificate refused", i + 1)
                self.offer(good)
                self.daemon.wait_for_log("certificate replaced", i + 1)
                self.assertEqual(self.daemon.served_certificate(), good.der())
        finally:
            done.set()
            for thread in threads:
                thread.join()
        self.assertEqual(failures, [])
        self.assertTrue(all(calls), calls)

    def test_a_bad_pair_is_refused_and_the_old_one_stays(self):
        before = self.daemon.served_certificate()
        bad = [self.another("late", "--days", "1", "--from", "2 days ago"),
               self.another("early", "--from", "1 day"),
               self.another("usage", "--eku", "clientAuth")]
        for i, pair in enumerate(bad):
            self.offer(pair)
            self.daemon.wait_for_log("new certificate refused", i + 1)
            self.assertEqual(self.daemon.served_certificate(), before)
        os.remove(self.daemon.pair.key)
        self.daemon.wait_for_log("new certificate refused", len(bad) + 1)
        self.assertEqual(self.daemon.served_certificate(), before)
        self.assertNotIn("certificate replaced", self.daemon.log())
        self.assertEqual(self.daemon.public.auth.Validate(
            auth_pb2.ValidateRequest(credential="x"),
            timeout=TIMEOUT).active, False)

    def test_clients_of_a_ca_that_has_gone_are_kept_out(self):
        new = certificates.Authority(os.path.join(self.directory, "newca"))
        old_client = self.daemon.authority.client("old")
        new_client = new.client("new")

        def outcome(client):
            stubs = self.daemon.stubs(client)
            try:
                stubs.auth.Validate(auth_pb2.ValidateRequest(credential="x"),
                                    timeout=TIMEOUT)
            except grpc.RpcError as error:
                return error.code()
            finally:
                stubs.channel.close()
            return None

        self.assertIsNone(outcome(old_client))
        self.assertEqual(outcome(new_client), grpc.StatusCode.UNAVAILABLE)
        # The server's own certificate is still by the old one.
        ca_file = self.daemon.ca.certificate
        old_ca = certificates.read(ca_file)
        certificates.replace(ca_file, new.ca().certificate_bytes())
        self.daemon.wait_for_log("certificate replaced")
        certificates.replace(ca_file + ".kept", old_ca)
        self.daemon.ca.certificate = ca_file + ".kept"
        self.assertEqual(outcome(old_client), grpc.StatusCode.UNAVAILABLE)
        self.assertIsNone(outcome(new_client))


class Start(unittest.TestCase):

    def setUp(self):
        self.directory = tempfile.mkdtemp(prefix="latchkey-e2e.")
        self.addCleanup(shutil.rmtree, self.directory)
        self.authority = certificates.Authority(
            os.path.join(self.directory, "certs"))
        self.pair = self.authority.server()
        self.data_dir = os.path.join(self.directory, "data")

    def refused(self, *arguments):
        done = harness.run_program(
            [harness.LATCHKEYD, "--data_dir", self.data_dir, "--listen",
             "127.0.0.1:0", *arguments])
        self.assertNotEqual(done.code, 0)
        self.assertEqual(len(done.err.splitlines()), 1, done.err)
        self.assertFalse(os.path.exists(self.data_dir))
        return done.err

    def test_bad_certificates_are_refused_at_start(self):
        other = self.authority.server("other")
        late = self.authority.server("late", "--days", "1", "--from",
                                     "2 days ago")
        client = self.authority.client("client")
        for chain, key, words in (
                (self.pair.certificate, other.key, "does not belong"),
                (late.certificate, late.key, "has expired"),
                (client.certificate, client.key, "not for servers"),
                (self.pair.key, self.pair.key, "no certificate"),
                (self.pair.certificate, "/none", "/none")):
            with self.subTest(words):
                self.assertIn(words, self.refused(
                    "--tls_certificate", chain, "--tls_key", key))
        os.chmod(self.pair.key, 0o644)
        self.assertIn("chmod", self.refused(
            "--tls_certificate", self.pair.certificate, "--tls_key",
            self.pair.key))

    def test_settings_that_do_not_go_together_are_refused(self):
        chain = ("--tls_certificate", self.pair.certificate)
        both = chain + ("--tls_key", self.pair.key)
        ca = ("--tls_client_ca", self.authority.ca().certificate)
        for name, arguments in (
                ("--tls_key", chain),
                ("--tls_client_ca", ca),
                ("--client_certificate",
                 both + ("--client_certificate", "required")),
                ("--client_certificate",
                 both + ca + ("--client_certificate", "maybe")),
                ("--insecure", both + ("--insecure",))):
            with self.subTest(arguments):
                self.assertIn(name, self.refused(*arguments))

    def test_with_tls_every_address_may_be_listened_on(self):
        daemon = TlsDaemon(self.directory)
        daemon.settings += ["--listen", "0.0.0.0:0"]
        daemon.start()
        self.addCleanup(daemon.close)
        daemon.address = "127.0.0.1:%d" % certificates.port_of(daemon)
        daemon.served_certificate()


class CommandLine(certificates.TlsTest):
    """latchkey over TLS."""

    SETTINGS = ("--client_certificate", "required", *OPEN)
    CLIENT_CA = True

    def validate(self, *arguments, environment=None, server=None):
        return harness.run_program(
            [harness.LATCHKEY, "--server", server or self.daemon.address,
             *arguments, "validate", "--credential-stdin"], b"x", environment)

    def assertSays(self, code, words, done):
        self.assertEqual(done.code, code, done.err)
        self.assertIn(words, done.err)
        # Ours alone, no log lines of gRPC's between them.
        self.assertRegex(done.err, r"\Alatchkey: [^\n]*\n(  [^\n]*\n)*\Z")

    def test_with_its_certificate_it_gets_answers(self):
        client = self.daemon.authority.client("cli")
        ca = self.daemon.ca.certificate
        done = self.validate("--tls-ca", ca, "--tls-certificate",
                             client.certificate, "--tls-key", client.key)
        self.assertEqual(done.code, 1, done.err)
        done = self.validate(environment={
            "LATCHKEY_CLI_TLS_CA": ca,
            "LATCHKEY_CLI_TLS_CERTIFICATE": client.certificate,
            "LATCHKEY_CLI_TLS_KEY": client.key})
        self.assertEqual(done.code, 1, done.err)

    def test_what_goes_wrong_is_said_with_what_to_do(self):
        client = self.daemon.authority.client("cli2")
        other = certificates.Authority(
            os.path.join(self.directory, "clica"))
        ca = ("--tls-ca", self.daemon.ca.certificate)
        mine = ("--tls-certificate", client.certificate, "--tls-key",
                client.key)
        for words, arguments in (
                ("--tls-ca", ()),
                ("--tls-certificate", ca),
                ("not by a CA of --tls-ca",
                 ("--tls-ca", other.ca().certificate) + mine),
                ("--tls-server-name",
                 ca + mine + ("--tls-server-name", "other.example")),
                ("does --tls-key belong to",
                 ca + ("--tls-certificate", client.certificate, "--tls-key",
                       self.daemon.pair.key))):
            with self.subTest(words):
                self.assertSays(3, words, self.validate(*arguments))

    def test_a_server_name_stands_for_the_address(self):
        client = self.daemon.authority.client("cli3")
        done = self.validate(
            "--tls-ca", self.daemon.ca.certificate, "--tls-certificate",
            client.certificate, "--tls-key", client.key, "--tls-server-name",
            "localhost")
        self.assertEqual(done.code, 1, done.err)

    def test_files_and_options_are_checked_first(self):
        client = self.daemon.authority.client("cli4")
        ca = ("--tls-ca", self.daemon.ca.certificate)
        open_key = os.path.join(self.directory, "open.key")
        shutil.copyfile(client.key, open_key)
        os.chmod(open_key, 0o644)
        for words, arguments in (
                ("cannot be opened", ("--tls-ca", "/none")),
                ("holds no PEM certificate", ("--tls-ca", client.key)),
                ("go together", ca + ("--tls-key", client.key)),
                ("needs --tls-ca", ("--tls-certificate", client.certificate,
                                    "--tls-key", client.key)),
                ("open.key", ca + ("--tls-certificate", client.certificate,
                                   "--tls-key", open_key))):
            with self.subTest(words):
                self.assertSays(2, words, self.validate(*arguments))

    def test_the_admin_socket_is_reached_with_tls_in_the_environment(self):
        done = harness.run_program(
            [harness.LATCHKEY, "--server", self.daemon.admin_address, "info"],
            environment={"LATCHKEY_CLI_TLS_CA": "/none"})
        self.assertEqual(done.code, 0, done.err)

    def test_a_server_without_tls_is_told_apart(self):
        plain = harness.start_daemon(self)
        self.assertSays(3, "no TLS", self.validate(
            "--tls-ca", self.daemon.ca.certificate, server=plain.address))


if __name__ == "__main__":
    unittest.main()
