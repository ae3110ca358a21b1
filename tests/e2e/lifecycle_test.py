"""How a server starts, shares nothing, and ends."""

import os
import shutil
import signal
import stat
import subprocess
import tempfile
import unittest

import grpc
import harness
from harness import auth_pb2

TIMEOUT = harness.CALL_TIMEOUT_SECONDS


def refused_start(command, environment=None):
    """Runs a latchkeyd that must not start, and returns what it said."""
    done = harness.run_program(command, environment=environment)
    lines = done.err.strip().splitlines()
    assert done.code != 0, "it started: " + done.out
    assert done.out == "", done.out
    assert len(lines) == 1, "not one line: %s" % done.err
    return lines[0]


class Lifecycle(unittest.TestCase):

    def setUp(self):
        self.directory = tempfile.mkdtemp(prefix="latchkey-e2e.")
        self.addCleanup(shutil.rmtree, self.directory, ignore_errors=True)

    def daemon(self, *settings):
        daemon = harness.Daemon(settings, self.directory)
        self.addCleanup(lambda: daemon.process and daemon.kill())
        return daemon

    def tree(self, path):
        """Returns names, modes and contents below `path`."""
        found = {}
        for folder, folders, names in os.walk(path):
            for name in folders + names:
                entry = os.path.join(folder, name)
                mode = os.lstat(entry).st_mode
                content = b""
                if stat.S_ISREG(mode):
                    with open(entry, "rb") as file:
                        content = file.read()
                found[entry] = (mode, content)
        return found

    def test_what_it_makes_is_the_owners_alone(self):
        daemon = self.daemon().start()
        for path in (daemon.data_dir, daemon.key_file,
                     os.path.join(daemon.data_dir, "admin.sock")):
            self.assertEqual(os.stat(path).st_mode & 0o077, 0, path)
        daemon.close()

    def test_sigterm_ends_it_cleanly(self):
        daemon = self.daemon().start()
        self.assertEqual(daemon.stop(), 0)
        self.assertFalse(
            os.path.exists(os.path.join(daemon.data_dir, "admin.sock")))

    def test_sigterm_lets_calls_finish(self):
        daemon = self.daemon("--hash_threads", "1", "--hash_time_cost", "8",
                             "--hash_memory_kib", "131072",
                             "--drain_timeout", "10m").start()
        password = daemon.create_account("alice")
        request = auth_pb2.LoginRequest(account="alice", password=password)
        daemon.validate("x")  # connects
        login = daemon.public.auth.Login.future(request, timeout=TIMEOUT)
        # A later call on the same connection has been answered: the server
        # has taken this one, too.
        daemon.validate("x")
        daemon.process.send_signal(signal.SIGTERM)
        credential = login.result().credential
        self.assertEqual(daemon.process.wait(), 0)
        daemon.process.stdout.close()
        daemon.process = None
        # What was answered is on disk.
        daemon.start()
        self.assertTrue(daemon.validate(credential).active)
        daemon.close()

    def test_a_second_sigterm_stops_at_once(self):
        daemon = self.daemon("--hash_threads", "1", "--hash_time_cost", "16",
                             "--hash_memory_kib", "262144",
                             "--hash_max_wait", "60s",
                             "--login_guard", "false",
                             "--drain_timeout", "10m").start()
        daemon.validate("x")  # connects
        # Enough work for a minute: only a second signal ends this soon.
        logins = [daemon.public.auth.Login.future(
            auth_pb2.LoginRequest(account="nobody", password="some password"),
            timeout=600) for _ in range(60)]
        daemon.validate("x")
        daemon.process.send_signal(signal.SIGTERM)
        # New calls are refused as soon as the drain has begun.
        with self.assertRaises(grpc.RpcError):
            while True:
                daemon.validate("x")
        daemon.process.send_signal(signal.SIGTERM)
        # A drain that came to its end would be 0.
        self.assertEqual(daemon.process.wait(), 1)
        self.assertTrue(any(not login.done() or login.exception()
                            for login in logins))
        daemon.process.stdout.close()
        daemon.process = None

    def test_sighup_reopens_the_log(self):
        log = os.path.join(self.directory, "latchkeyd.log")
        daemon = self.daemon("--log_file", log).start()
        password = daemon.create_account("alice")
        daemon.login("alice", password)
        os.rename(log, log + ".1")
        daemon.process.send_signal(signal.SIGHUP)
        # The new file appears once the signal has been taken.
        while not os.path.exists(log):
            daemon.validate("x")
        daemon.login("alice", password)
        self.assertEqual(os.stat(log).st_mode & 0o077, 0)
        self.assertEqual(daemon.stop(), 0)
        for path in (log, log + ".1"):
            with open(path, "rb") as file:
                text = file.read()
            self.assertTrue(text)
            self.assertEqual(daemon.secrets.found_in(text), set())

    def test_a_second_server_leaves_the_first_alone(self):
        daemon = self.daemon().start()
        password = daemon.create_account("alice")
        line = refused_start(daemon.command())
        self.assertIn(daemon.data_dir, line)
        # Both listeners of the first one still answer.
        login = daemon.login("alice", password)
        self.assertEqual(len(daemon.list_sessions("alice")), 1)
        # New connections, too.
        again = harness.Stubs(daemon.admin_address)
        again.raw("/latchkey.v1.AdminService/GetServerInfo")
        again.channel.close()
        self.assertTrue(daemon.validate(login.credential).active)
        daemon.close()

    def test_a_dead_servers_socket_is_taken_over(self):
        daemon = self.daemon().start()
        daemon.kill()
        self.assertTrue(
            os.path.exists(os.path.join(daemon.data_dir, "admin.sock")))
        daemon.start()
        daemon.create_account("alice")
        daemon.close()

    def test_a_used_port_is_named_in_one_line(self):
        daemon = self.daemon().start()
        other = tempfile.mkdtemp(prefix="latchkey-e2e.")
        self.addCleanup(shutil.rmtree, other)
        second = harness.Daemon(["--listen", daemon.address], other)
        self.assertIn(daemon.address, refused_start(second.command()))
        daemon.close()

    def test_a_directory_open_to_others_is_refused(self):
        daemon = self.daemon()
        for mode in (0o750, 0o705, 0o701, 0o777):
            os.makedirs(daemon.data_dir, exist_ok=True)
            os.chmod(daemon.data_dir, mode)
            before = self.tree(self.directory)
            self.assertIn(daemon.data_dir, refused_start(daemon.command()))
            self.assertEqual(self.tree(self.directory), before)

    def test_a_directory_that_cannot_be_made_is_refused(self):
        # A file stands in the way; unlike a mode, that stops root as well.
        daemon = self.daemon()
        with open(daemon.data_dir, "w", encoding="ascii") as file:
            file.write("in the way")
        before = self.tree(self.directory)
        self.assertIn(daemon.data_dir, refused_start(daemon.command()))
        self.assertEqual(self.tree(self.directory), before)

    def test_a_socket_path_that_is_too_long_is_refused(self):
        # sun_path holds 107 bytes and an end.
        name = "admin.sock"
        room = 107 - len(self.directory) - len(name) - 2
        for length, fits in ((room, True), (room + 1, False)):
            daemon = self.daemon()
            daemon.data_dir = os.path.join(self.directory, "d" * length)
            self.assertEqual(len(os.path.join(daemon.data_dir, name)),
                             107 if fits else 108)
            if fits:
                daemon.start()
                daemon.create_account("alice")
                self.assertEqual(daemon.stop(), 0)
            else:
                before = self.tree(self.directory)
                self.assertIn("108", refused_start(daemon.command()))
                self.assertEqual(self.tree(self.directory), before)

    def test_another_master_key_is_refused(self):
        daemon = self.daemon().start()
        credential = daemon.login(
            "alice", daemon.create_account("alice"), harness.JWT).credential
        self.assertEqual(daemon.stop(), 0)
        kept = daemon.key_file + ".kept"
        other = harness.start_daemon(self)
        other.stop()
        os.rename(daemon.key_file, kept)
        shutil.copy(other.key_file, daemon.key_file)
        self.assertIn(daemon.key_file, refused_start(daemon.command()))
        os.remove(daemon.key_file)
        self.assertIn(daemon.key_file, refused_start(daemon.command()))
        # A missing one is not made anew over keys that it cannot open.
        self.assertFalse(os.path.exists(daemon.key_file))
        os.rename(kept, daemon.key_file)
        daemon.start()
        self.assertTrue(daemon.validate(credential).active)
        daemon.close()

    def test_a_master_key_that_others_may_read_is_refused(self):
        daemon = self.daemon().start()
        self.assertEqual(daemon.stop(), 0)
        os.chmod(daemon.key_file, 0o640)
        self.assertIn(daemon.key_file, refused_start(daemon.command()))

    def test_the_key_is_not_kept_with_what_it_seals(self):
        # The default lies outside the data directory: a copy of the one does
        # not carry the other.
        daemon = self.daemon()
        command = [harness.LATCHKEYD, "--data_dir", daemon.data_dir,
                   "--listen", "127.0.0.1:0"]
        with subprocess.Popen(
                command, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                env=harness.clean_environment(
                    {"HOME": self.directory,
                     "XDG_CONFIG_HOME": self.directory + "/config"})
        ) as process:
            process.stdout.readline()
            process.terminate()
            process.communicate()
        self.assertEqual(process.returncode, 0)
        keys = [path for path in self.tree(self.directory)
                if "key" in os.path.basename(path)
                and os.path.isfile(path)]
        self.assertTrue(keys)
        for path in keys:
            self.assertFalse(path.startswith(daemon.data_dir + "/"), path)


class AdminSocket(harness.DaemonTest):

    def test_another_user_is_refused(self):
        if os.geteuid() != 0:
            # Nobody else to be: what the kernel goes by must be right.
            self.assertEqual(
                os.stat(self.daemon.data_dir).st_mode & 0o077, 0)
            self.assertEqual(os.stat(os.path.join(
                self.daemon.data_dir, "admin.sock")).st_mode & 0o077, 0)
            return
        # Even with the directory open, the socket itself refuses.
        os.chmod(self.daemon.directory, 0o755)
        os.chmod(self.daemon.data_dir, 0o755)
        self.addCleanup(os.chmod, self.daemon.data_dir, 0o700)
        done = harness.run_program(
            ["setpriv", "--reuid=nobody", "--regid=nogroup", "--clear-groups",
             "/usr/bin/python3", "-c",
             "import socket, sys\n"
             "s = socket.socket(socket.AF_UNIX)\n"
             "try:\n  s.connect(sys.argv[1])\n"
             "except PermissionError:\n  sys.exit(42)\n",
             self.daemon.admin_address[len("unix:"):]])
        self.assertEqual(done.code, 42, done.err)
        # The owner is not refused by the same means.
        self.daemon.create_account("alice")


if __name__ == "__main__":
    unittest.main()
