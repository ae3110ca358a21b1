"""latchkey-bench: it runs through, it finds a wrong answer, and whatever ends
it, it leaves no process and no data behind. No test here judges a time."""

import json
import os
import resource
import select
import shutil
import signal
import socket
import stat
import subprocess
import tempfile
import textwrap
import unittest

import harness

BENCH = os.environ["TEST_LATCHKEY_BENCH"]

# As short as it goes: what is tested is that it works.
SHORT = ["--quick", "--sessions", "1000", "--sample", "500", "--block", "20ms",
         "--quads", "1", "--open", "100ms", "--expire_over", "1s",
         "--minutes", "0.02"]

# Says that every credential is good.
CREDULOUS_SERVER = """\
    #!/usr/bin/python3
    import sys
    import threading
    from concurrent import futures

    import grpc

    ANSWERS = {
        "/latchkey.internal.v1.BenchmarkService/Ping": b"",
        "/latchkey.v1.AuthService/Validate": b"\\x08\\x01",
    }


    class Handler(grpc.GenericRpcHandler):
        def service(self, call):
            answer = ANSWERS.get(call.method)
            if answer is None:
                return None
            return grpc.unary_unary_rpc_method_handler(
                lambda request, context: answer)


    server = grpc.server(futures.ThreadPoolExecutor(4))
    server.add_generic_rpc_handlers((Handler(),))
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    print("latchkeyd ready: listen=127.0.0.1:%d admin=unix:/none" % port,
          flush=True)
    threading.Event().wait()
    """


class Bench(unittest.TestCase):

    def setUp(self):
        self.folder = tempfile.mkdtemp(prefix="latchkey-e2e.")
        self.addCleanup(shutil.rmtree, self.folder)
        self.work = os.path.join(self.folder, "work")
        self.out = os.path.join(self.folder, "out")
        os.mkdir(self.work)

    def command(self, *arguments):
        return [BENCH, "--latchkeyd", harness.LATCHKEYD, "--work_dir",
                self.work, "--out", self.out, *arguments]

    def run_bench(self, *arguments):
        done = harness.run_program(self.command(*arguments))
        self.assert_nothing_left()
        return done

    def assert_nothing_left(self):
        self.assertEqual(os.listdir(self.work), [])
        self.assertEqual(self.processes(), [])

    def processes(self):
        """Returns the command lines that name the work directory."""
        found = []
        for pid in filter(str.isdigit, os.listdir("/proc")):
            try:
                with open("/proc/%s/cmdline" % pid, "rb") as file:
                    line = file.read()
            except OSError:
                continue
            if self.work.encode() in line:
                found.append(line)
        return found

    def assert_refused(self, code, done, word):
        """It ended with `code`, and its last line says why."""
        self.assertEqual(done.code, code, done.err)
        last = done.err.splitlines()[-1]
        self.assertTrue(last.startswith("latchkey-bench: "), done.err)
        self.assertIn(word, last)

    # It runs through.

    def test_every_part_runs_and_every_answer_is_right(self):
        for part in ("validate", "batch", "login", "service-login", "storm",
                     "local", "session-vs-token", "revoke", "expiry", "churn",
                     "scale"):
            with self.subTest(part):
                done = self.run_bench(part, *SHORT)
                self.assertEqual(done.code, 0, done.err)
                self.assertTrue(done.out)
                with open(os.path.join(self.out, part + ".json"),
                          encoding="utf-8") as file:
                    self.assertTrue(json.load(file))
        made = os.listdir(self.out)
        for name in ("latency-against-load.svg", "storm.svg",
                     "throughput-against-sessions.svg", "session-vs-token.svg",
                     "session-vs-token.md"):
            self.assertIn(name, made)

    # It finds a wrong answer.

    def test_a_server_that_believes_everybody_is_found_out(self):
        path = os.path.join(self.folder, "credulous")
        with open(path, "w", encoding="utf-8") as file:
            file.write(textwrap.dedent(CREDULOUS_SERVER))
        os.chmod(path, stat.S_IRWXU)
        done = self.run_bench("validate", *SHORT, "--latchkeyd", path)
        self.assert_refused(1, done, "wrong answer")
        self.assertIn("it must be active as accounts/u", done.err)
        self.assertEqual(done.out, "")  # such a server has no speed

    # Bad input: one line, and nothing is left.

    def test_bad_usage_is_2(self):
        for arguments in (["speed"], [], ["all", "--sessions", "none"],
                          ["validate", "--no_such_option"]):
            with self.subTest(arguments):
                done = self.run_bench(*arguments)
                self.assert_refused(2, done, "see latchkey-bench --help")
                self.assertEqual(len(done.err.splitlines()), 1)

    def test_no_server_is_3(self):
        done = self.run_bench("validate", *SHORT, "--latchkeyd",
                              os.path.join(self.folder, "none"))
        self.assert_refused(3, done, "no server to measure")
        self.assertEqual(len(done.err.splitlines()), 1)

    def test_a_server_that_does_not_start_is_3(self):
        done = self.run_bench("validate", *SHORT, "--server_flag",
                              "--no_such_setting=1")
        self.assert_refused(3, done, "no_such_setting")

    def test_a_port_that_is_taken_is_3(self):
        with socket.create_server(("127.0.0.1", 0)) as taken:
            done = self.run_bench("validate", *SHORT, "--port",
                                  str(taken.getsockname()[1]))
        self.assert_refused(3, done, "the server did not start")

    def test_a_place_that_cannot_be_written_is_3(self):
        blocked = os.path.join(self.folder, "file")
        with open(blocked, "w", encoding="utf-8"):
            pass
        done = self.run_bench("local", *SHORT, "--out", blocked + "/out")
        self.assert_refused(3, done, "--out")
        done = self.run_bench("validate", *SHORT, "--work_dir",
                              blocked + "/work")
        self.assert_refused(3, done, "--work_dir")

    def test_a_disk_that_is_full_is_3(self):
        # No file of it, or of what it starts, may grow beyond this.
        limit = 64 << 10
        with subprocess.Popen(
                self.command("validate", *SHORT), stdout=subprocess.PIPE,
                stderr=subprocess.PIPE, env=harness.clean_environment(),
                preexec_fn=lambda: resource.setrlimit(
                    resource.RLIMIT_FSIZE, (limit, limit))) as process:
            out, err = process.communicate()
        self.assert_nothing_left()
        self.assert_refused(3, harness.Done(process, out, err), "")

    # Ended from outside.

    def test_being_told_to_stop_leaves_nothing_behind(self):
        for number in (signal.SIGTERM, signal.SIGINT):
            with self.subTest(number):
                process = subprocess.Popen(
                    self.command("validate", "--sessions", "1000", "--block",
                                 "1h"),
                    stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                    env=harness.clean_environment())
                told = b""
                while b"validate: opaque" not in told:
                    line = process.stderr.readline()
                    self.assertTrue(line, told)
                    told += line
                self.assertTrue(self.processes())
                process.send_signal(number)
                out, err = process.communicate()
                self.assert_nothing_left()
                self.assert_refused(3, harness.Done(process, out, err), "")

    def test_its_server_dies_with_it(self):
        process = subprocess.Popen(
            self.command("validate", "--sessions", "1000", "--block", "1h"),
            stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
            env=harness.clean_environment())
        line = b"-"
        while b"validate: opaque" not in line:
            line = process.stderr.readline()
            self.assertTrue(line)
        server, = self.children(process.pid)
        fd = os.pidfd_open(server)
        self.addCleanup(os.close, fd)
        process.kill()
        process.communicate()
        # Ends when the server has ended; the time limit of the test is the
        # only other way out.
        poller = select.poll()
        poller.register(fd, select.POLLIN)
        self.assertTrue(poller.poll(harness.CALL_TIMEOUT_SECONDS * 1000))

    def children(self, pid):
        with open("/proc/%d/task/%d/children" % (pid, pid), "rb") as file:
            return [int(child) for child in file.read().split()]


if __name__ == "__main__":
    unittest.main()
