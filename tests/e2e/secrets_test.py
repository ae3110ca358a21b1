"""The search for secrets that every Daemon ends with: it must be able to
fail, and the whole is searched once with everything in use."""

import base64
import hashlib
import os
import unittest

import harness
from harness import JWT, account_pb2, auth_pb2

TIMEOUT = harness.CALL_TIMEOUT_SECONDS


class Search(unittest.TestCase):

    def test_a_planted_secret_is_found(self):
        secrets = harness.Secrets()
        secrets.password("correct horse battery")
        secrets.credential("lks_some_credential")
        digest = hashlib.sha256(b"lks_some_credential").digest()
        for text, what in (
                (b"password=correct horse battery", "a password"),
                (b"xlks_some_credentialx", "a credential"),
                (digest.hex().encode(), "a digest in full"),
                (base64.urlsafe_b64encode(digest), "a digest in full"),
                (b'{"kty":"EC","d":"AAAA"}', "a private key"),
                (b"-----BEGIN PRIVATE KEY-----", "a private key")):
            self.assertEqual(secrets.found_in(text), {what}, text)
        self.assertEqual(
            secrets.found_in(b"digest=" + digest.hex()[:8].encode()), set())

    def test_a_planted_line_makes_a_test_fail(self):
        daemon = harness.start_daemon(self)
        password = daemon.create_account("alice")
        credential = daemon.login("alice", password).credential
        daemon.check_secrets()
        with open(daemon.key_file, encoding="ascii") as file:
            master_key = file.read().split()[-1]
        for secret in (password, credential, master_key,
                       hashlib.sha256(credential.encode()).hexdigest()):
            with open(daemon.log_path, "rb") as log:
                clean = log.read()
            with open(daemon.log_path, "ab") as log:
                log.write(secret.encode())
            with self.assertRaises(AssertionError):
                daemon.check_secrets()
            with open(daemon.log_path, "wb") as log:
                log.write(clean)
        planted = os.path.join(daemon.data_dir, "planted")
        with open(planted, "w", encoding="ascii") as file:
            file.write(credential)
        with self.assertRaises(AssertionError):
            daemon.check_secrets()
        os.remove(planted)


class Everything(unittest.TestCase):

    def test_the_disk_and_the_log_hold_no_secret(self):
        daemon = harness.start_daemon(self, ["--jwt_algorithm", "EdDSA"])
        password = daemon.create_account("alice")
        opaque = daemon.login("alice", password)
        token = daemon.login("alice", password, JWT)
        refreshed = daemon.public.auth.Refresh(
            auth_pb2.RefreshRequest(
                refresh_credential=token.refresh_credential), timeout=TIMEOUT)
        daemon.secrets.credential(refreshed.credential)
        daemon.validate(opaque.credential)
        daemon.validate(refreshed.credential)
        # Refused ones are secrets, too: they may be one letter off.
        wrong = daemon.secrets.password("a wrong long password")
        for account, attempt in (("alice", wrong), ("nobody", wrong)):
            with self.assertRaises(harness.grpc.RpcError):
                daemon.login(account, attempt)
        typo = opaque.credential[:-1] + "!"
        daemon.secrets.credential(typo)
        self.assertFalse(daemon.validate(typo).active)
        forged = token.credential[:-4] + "AAAA"
        daemon.secrets.credential(forged)
        self.assertFalse(daemon.validate(forged).active)
        daemon.private.accounts.SetPassword(
            account_pb2.SetPasswordRequest(
                name="accounts/alice",
                password=daemon.secrets.password("yet another password")),
            timeout=TIMEOUT)
        daemon.logout(opaque.credential)
        daemon.restart()
        # The search can find what is there: the name is, the log is talkative.
        on_disk = b""
        for path in daemon.data_files():
            with open(path, "rb") as file:
                on_disk += file.read()
        self.assertIn(b"alice", on_disk)
        self.assertIn("alice", daemon.log())


if __name__ == "__main__":
    unittest.main()
