"""latchkeyd's settings: flags over environment over file, nothing unknown."""

import os
import re
import shutil
import subprocess
import tempfile
import unittest

import harness
from harness import admin_pb2


class Settings(unittest.TestCase):

    def setUp(self):
        self.directory = tempfile.mkdtemp(prefix="latchkey-e2e.")
        self.addCleanup(shutil.rmtree, self.directory)
        self.data_dir = os.path.join(self.directory, "data")

    def run_daemon(self, *arguments, environment=None):
        return harness.run_program([harness.LATCHKEYD, *arguments],
                                   environment=environment)

    def config(self, text):
        path = os.path.join(self.directory, "latchkeyd.conf")
        with open(path, "w", encoding="utf-8") as file:
            file.write(text)
        return path

    def assertNamed(self, name, *arguments, environment=None):
        """The run is refused with one line that names `name`."""
        environment = {"LATCHKEY_LISTEN": "127.0.0.1:0", **(environment or {})}
        done = self.run_daemon("--data_dir", self.data_dir, *arguments,
                               environment=environment)
        self.assertEqual(done.code, 2, done.err)
        self.assertEqual(done.out, "")
        self.assertEqual(len(done.err.splitlines()), 1, done.err)
        self.assertIn(name, done.err)
        self.assertFalse(os.path.exists(self.data_dir))

    def issuer_with(self, *arguments, environment=None):
        """Starts a server and returns the issuer it says it has."""
        with subprocess.Popen(
                [harness.LATCHKEYD, "--data_dir", self.data_dir, "--listen",
                 "127.0.0.1:0", *arguments],
                stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                env=harness.clean_environment(environment)) as process:
            line = process.stdout.readline().decode()
            self.assertIn("ready", line, "did not start")
            stubs = harness.Stubs(re.search(r"admin=(\S+)", line).group(1))
            info = stubs.admin.GetServerInfo(
                admin_pb2.GetServerInfoRequest(),
                timeout=harness.CALL_TIMEOUT_SECONDS)
            stubs.channel.close()
            process.terminate()
            process.communicate()
        self.assertEqual(process.returncode, 0)
        return info.issuer

    def test_unknown_settings_are_refused_by_name(self):
        self.assertNamed("--no_such_flag", "--no_such_flag", "1")
        self.assertNamed("LATCHKEY_NO_SUCH",
                         environment={"LATCHKEY_NO_SUCH": "1"})
        self.assertNamed("no_such_key", "--config",
                         self.config("no_such_key = 1\n"))
        self.assertNamed("stray", "stray")

    def test_values_that_make_no_sense_are_refused_by_name(self):
        for name, value in (
                ("session_ttl", "soon"), ("session_ttl", "0s"),
                ("session_idle_ttl", "-1s"), ("jwt_algorithm", "none"),
                ("jwt_algorithm", "HS256"), ("log_level", "loud"),
                ("hash_threads", "0"), ("hash_queue", "many"),
                ("hash_memory_kib", "1"), ("hash_time_cost", "0"),
                ("worker_threads", "-1"), ("memory_budget", "1GB"),
                ("memory_budget", "63MiB"), ("listen", "7870"),
                ("listen", "127.0.0.1:65536"), ("jwt_life", "0s")):
            with self.subTest(setting=name, value=value):
                self.assertNamed(name, "--%s=%s" % (name, value))
                self.assertNamed(name, environment={
                    "LATCHKEY_" + name.upper(): value})

    def test_plaintext_beyond_loopback_must_be_said(self):
        for address in ("0.0.0.0:0", "[::]:0", "127.evil.example:0"):
            self.assertNamed("--insecure", "--listen", address)

    def test_a_data_directory_is_required(self):
        done = self.run_daemon()
        self.assertEqual(done.code, 2)
        self.assertIn("--data_dir", done.err)

    def test_a_missing_file_is_named(self):
        self.assertNamed("missing.conf", "--config",
                         os.path.join(self.directory, "missing.conf"))

    def test_flags_win_over_environment_over_file(self):
        config = ["--config", self.config('issuer = "file"\n')]
        environment = {"LATCHKEY_ISSUER": "environment"}
        flag = ["--issuer", "flag"]
        self.assertRegex(self.issuer_with(), r"\Alatchkey:[0-9a-f]{32}\Z")
        self.assertEqual(self.issuer_with(*config), "file")
        self.assertEqual(
            self.issuer_with(*config, environment=environment), "environment")
        self.assertEqual(
            self.issuer_with(*config, *flag, environment=environment), "flag")
        self.assertEqual(
            self.issuer_with(*flag, environment=environment), "flag")

    def test_the_clients_own_variables_are_not_the_servers(self):
        self.assertEqual(
            self.issuer_with("--issuer", "x", environment={
                "LATCHKEY_SERVER": "unix:/x", "LATCHKEY_CREDENTIAL": "x"}),
            "x")

    def test_help_shows_every_setting_with_its_default(self):
        done = self.run_daemon("--help")
        self.assertEqual(done.code, 0)
        self.assertEqual(done.err, "")
        for text in ("--data_dir", "127.0.0.1:7870", "12h", "30m", "19456",
                     "--master_key_file", "--reflection", "LATCHKEY_"):
            self.assertIn(text, done.out)

    def test_version(self):
        done = self.run_daemon("--version")
        self.assertEqual(done.code, 0)
        self.assertRegex(done.out, r"\Alatchkeyd \d+\.\d+\.\d+\n\Z")


if __name__ == "__main__":
    unittest.main()
