"""latchkey-agent beside a service that has nothing but generated stubs: its
answers are the server's, and what is taken back is refused here at once."""

import json
import os
import shutil
import signal
import socket
import stat
import subprocess
import tempfile
import unittest

import certificates
import grpc
import harness
from google.protobuf import duration_pb2
from harness import JWT, OPAQUE, auth_pb2, session_pb2
from metrics_test import Scrape

AGENT = os.environ["TEST_LATCHKEY_AGENT"]
NODE_MODULES = os.path.join(harness.SOURCE, "tools/node_modules")
TIMEOUT = harness.CALL_TIMEOUT_SECONDS
ISSUER = "agent-logins"
VERIFIERS = session_pb2.PROPAGATION_WAIT_VERIFIERS
USAGE, CANNOT_START = 2, 3
# grpc.health.v1.HealthCheckResponse, by hand: this test has no stubs of it.
SERVING, NOT_SERVING = b"\x08\x01", b"\x08\x02"


class Agent:
    """A latchkey-agent of its own."""

    def __init__(self, server, *settings, environment=None):
        self.directory = tempfile.mkdtemp(prefix="latchkey-e2e.")
        self.path = os.path.join(self.directory, "agent.sock")
        self.address = "unix:" + self.path
        self.log_path = os.path.join(self.directory, "log")
        self.command = [AGENT, "--server", server, "--issuer", ISSUER,
                        "--listen", self.address, *settings]
        self.environment = harness.clean_environment(environment)
        self.process = self.stubs = None

    def start(self):
        with open(self.log_path, "ab") as log:
            # Dies with the test, should that be ended from outside.
            self.process = subprocess.Popen(
                ["setpriv", "--pdeathsig", "KILL"] + self.command,
                stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=log,
                env=self.environment)
        line = self.process.stdout.readline().decode()
        assert line == "latchkey-agent ready: listen=%s\n" % self.address, (
            line, self.log())
        self.stubs = harness.Stubs(self.address)
        return self

    def log(self):
        with open(self.log_path, encoding="utf-8") as log:
            return log.read()

    def health(self):
        return self.stubs.raw("/grpc.health.v1.Health/Check")

    def wait_for_health(self, status):
        while self.health() != status:
            assert self.process.poll() is None, self.log()

    def wait_for_log(self, text):
        while text not in self.log():
            assert self.process.poll() is None, self.log()

    def validate(self, credential, **fields):
        return self.stubs.auth.Validate(
            auth_pb2.ValidateRequest(credential=credential, **fields),
            timeout=TIMEOUT)

    def stop(self, how=signal.SIGTERM):
        self.stubs.channel.close()
        self.process.send_signal(how)
        code = self.process.wait()
        self.process.stdout.close()
        self.process = None
        return code

    def close(self):
        if self.process:
            self.stop(signal.SIGKILL)
        shutil.rmtree(self.directory)


def start_agent(test, server, *settings, **options):
    agent = Agent(server, *settings, **options)
    test.addCleanup(agent.close)
    return agent.start()


def without_revision(response):
    copy = type(response)()
    copy.CopyFrom(response)
    copy.ClearField("revision")
    return copy


class Answers(harness.DaemonTest):
    """Over one server and one agent. The lease is long: these tests count who
    was asked, and a slow machine must not change that."""

    SETTINGS = ("--issuer", ISSUER, "--metrics_listen", "127.0.0.1:0",
                "--lease_ttl", "30s")

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.agent = Agent(cls.daemon.address)
        cls.addClassCleanup(cls.agent.close)
        cls.agent.start()
        cls.agent.wait_for_health(SERVING)
        cls.password = cls.daemon.create_account("alice", roles=["b", "a"])

    def login(self, credential_format, **fields):
        return self.daemon.login("alice", self.password, credential_format,
                                 **fields)

    def assertAnsweredHere(self, method, call):
        """Makes the call and returns its answer; the server is not asked."""
        before = Scrape(self.daemon).calls(method)
        answer = call()
        self.assertEqual(Scrape(self.daemon).calls(method), before)
        return answer

    def test_an_answer_is_the_servers_field_by_field(self):
        for credential_format in (OPAQUE, JWT):
            for audiences in ((), ("orders", "billing")):
                with self.subTest(format=credential_format, to=audiences):
                    self.check_fields(credential_format, audiences)

    def check_fields(self, credential_format, audiences):
        login = self.login(
            credential_format, audiences=audiences,
            client=session_pb2.ClientInfo(user_agent="e2e", device_label="x"))
        ask = {"credential": login.credential, "passive": True,
               "audience": audiences[0] if audiences else ""}
        first = self.agent.validate(**ask)
        server = self.daemon.validate(**ask)
        local = self.assertAnsweredHere(
            "Validate", lambda: self.agent.validate(**ask))
        self.assertTrue(server.active)
        self.assertEqual(without_revision(first), without_revision(server))
        self.assertEqual(without_revision(local), without_revision(server))
        # Each is as new as what it knows of; the server takes it for its own.
        self.assertTrue(self.daemon.validate(
            login.credential, audience=ask["audience"],
            at_least_as_fresh=local.revision).active)
        told = self.assertAnsweredHere("Validate", lambda: self.agent.validate(
            want_revocable=True, **ask))
        self.assertEqual(
            told.revocable,
            self.daemon.validate(want_revocable=True, **ask).revocable)

    def test_a_use_counts_as_one(self):
        for credential_format in (OPAQUE, JWT):
            login = self.login(credential_format)
            first = self.agent.validate(login.credential)
            used = self.assertAnsweredHere(
                "Validate", lambda: self.agent.validate(login.credential))
            looked = self.assertAnsweredHere(
                "Validate", lambda: self.agent.validate(login.credential,
                                                        passive=True))
            seen = [answer.session.last_seen_time.ToMicroseconds()
                    for answer in (first, used, looked)]
            self.assertGreater(seen[1], seen[0])
            self.assertEqual(seen[2], seen[1])
            self.assertEqual(
                used.session.idle_expire_time.ToMicroseconds() - seen[1],
                first.session.idle_expire_time.ToMicroseconds() - seen[0])

    def test_what_is_asked_besides_is_heeded(self):
        for credential_format in (OPAQUE, JWT):
            login = self.login(credential_format, audiences=["orders"])
            ask = self.agent.validate
            self.assertTrue(ask(login.credential, audience="orders").active)
            for refused in (
                    {}, {"audience": "billing"},
                    {"audience": "orders",
                     "max_auth_age": duration_pb2.Duration(nanos=1000)}):
                answer = self.assertAnsweredHere(
                    "Validate", lambda: ask(login.credential, **refused))
                self.assertFalse(answer.active, refused)
                self.assertEqual(without_revision(answer),
                                 auth_pb2.ValidateResponse())
            self.assertTrue(ask(
                login.credential, audience="orders",
                max_auth_age=duration_pb2.Duration(seconds=3600),
                at_least_as_fresh=login.revision).active)

    def test_what_is_no_good_credential_is_an_answer(self):
        refresh = self.login(JWT).refresh_credential
        for credential in ("", "no credential", "lks_" + "0" * 49, refresh,
                           "a.b.c"):
            answer = self.agent.validate(credential)
            self.assertFalse(answer.active)
            self.assertEqual(without_revision(answer),
                             without_revision(self.daemon.validate(credential)))

    def test_after_a_logout_it_is_refused_at_once(self):
        for credential_format in (OPAQUE, JWT):
            login = self.login(credential_format)
            self.assertTrue(self.agent.validate(login.credential).active)
            logout = self.daemon.logout(login.credential, wait=VERIFIERS)
            self.assertTrue(logout.propagation.complete)
            self.assertEqual(logout.propagation.acknowledged, 1)
            ended = self.assertAnsweredHere(
                "Validate", lambda: self.agent.validate(login.credential))
            self.assertFalse(ended.active)
            self.assertEqual(ended.revision, logout.revision)

    def test_a_batch_is_answered_in_its_order(self):
        logins = [self.login(OPAQUE), self.login(JWT)]
        requests = [auth_pb2.ValidateRequest(credential=credential,
                                             passive=True)
                    for credential in (logins[0].credential, "no credential",
                                       logins[1].credential)]
        batch = auth_pb2.BatchValidateRequest(requests=requests)
        ask = self.agent.stubs.auth.BatchValidate
        first = ask(batch, timeout=TIMEOUT)
        server = self.daemon.public.auth.BatchValidate(batch, timeout=TIMEOUT)
        local = self.assertAnsweredHere(
            "BatchValidate", lambda: ask(batch, timeout=TIMEOUT))
        self.assertEqual([one.active for one in local.responses],
                         [True, False, True])
        self.assertEqual(without_revision(first), without_revision(server))
        self.assertEqual(without_revision(local), without_revision(server))

    def test_what_is_malformed_is_refused_as_by_the_server(self):
        one = auth_pb2.ValidateRequest
        bad = [
            one(credential="x" * 8193),
            one(audience="a\nb"), one(audience="x" * 257),
            one(max_auth_age=duration_pb2.Duration()),
            one(at_least_as_fresh=session_pb2.Revision(token="x")),
            one(at_least_as_fresh=session_pb2.Revision(token="A" * 32)),
        ]
        for request in bad:
            self.assertSameRefusal(lambda stubs: stubs.auth.Validate(
                request, timeout=TIMEOUT))
        self.assertSameRefusal(lambda stubs: stubs.auth.Validate(
            one(credential="x" * 8000), timeout=TIMEOUT,
            compression=grpc.Compression.Gzip))
        for requests in ([], [one()] * 101, [one(), bad[0]]):
            batch = auth_pb2.BatchValidateRequest(requests=requests)
            self.assertSameRefusal(lambda stubs: stubs.auth.BatchValidate(
                batch, timeout=TIMEOUT))
        for method in ("Validate", "BatchValidate"):
            path = "/latchkey.v1.AuthService/" + method
            # No message; text that is no UTF-8; more than a message may have.
            for message in (b"\xff\xff", b"\x0a\x01\xff",
                            b"\x0a\x80\x80\x80\x01" + b"x" * (2 << 20)):
                self.assertSameRefusal(lambda stubs: stubs.raw(path, message),
                                       fields=False)

    def assertSameRefusal(self, call, fields=True):
        details = []
        for stubs in (self.daemon.public, self.agent.stubs):
            with self.assertRaises(grpc.RpcError) as caught:
                call(stubs)
            details.append(harness.Details(caught.exception))
        server, agent = details
        self.assertEqual((agent.code, agent.reason, agent.domain),
                         (server.code, server.reason, server.domain))
        if fields:
            self.assertEqual(agent.fields, server.fields)

    def test_the_rest_is_for_the_server(self):
        auth = self.agent.stubs.auth
        for method, request in (
                (auth.Login, auth_pb2.LoginRequest(account="alice")),
                (auth.Refresh, auth_pb2.RefreshRequest()),
                (auth.Logout, auth_pb2.LogoutRequest())):
            self.assertRefused(grpc.StatusCode.UNIMPLEMENTED, "ASK_SERVER",
                               method, request)

    def test_a_newer_clients_field_goes_to_the_server(self):
        login = self.login(JWT)
        request = auth_pb2.ValidateRequest(credential=login.credential)
        self.agent.validate(login.credential)
        before = Scrape(self.daemon).calls("Validate")
        answer = self.agent.stubs.raw("/latchkey.v1.AuthService/Validate",
                                      request.SerializeToString()
                                      + b"\xa0\x06\x01")  # field 100
        self.assertTrue(auth_pb2.ValidateResponse.FromString(answer).active)
        self.assertEqual(Scrape(self.daemon).calls("Validate"), before + 1)

    def test_node_has_plain_stubs_too(self):
        login = self.login(JWT)
        done = harness.run_program(
            ["node", os.path.join(os.path.dirname(__file__),
                                  "node_agent.mjs"),
             os.path.join(harness.SOURCE, "proto"), NODE_MODULES,
             self.agent.address], login.credential.encode())
        self.assertEqual(done.code, 0, done.err)
        self.assertEqual(json.loads(done.out),
                         {"name": login.session.name, "roles": ["a", "b"]})


class Life(unittest.TestCase):
    """How it begins, what it does without a server, and how it ends."""

    def daemon(self, *settings):
        return harness.start_daemon(
            self, ["--issuer", ISSUER, "--lease_ttl", "800ms",
                   "--heartbeat_interval", "200ms", *settings])

    def test_without_a_server_it_stops_to_accept(self):
        daemon = self.daemon()
        password = daemon.create_account("alice")
        agent = start_agent(self, daemon.address)
        agent.wait_for_health(SERVING)
        credentials = [daemon.login("alice", password, form).credential
                       for form in (OPAQUE, JWT)]
        for credential in credentials:
            self.assertTrue(agent.validate(credential).active)
        daemon.kill()
        # By the lease it may go on for a while; then it knows nothing, and has
        # nobody to ask.
        for credential in credentials:
            self.until_unavailable(agent, credential)
        agent.wait_for_health(NOT_SERVING)
        for credential in credentials + ["unknown"]:
            harness.assert_refused(
                self, grpc.StatusCode.UNAVAILABLE, "VALIDATOR_UNAVAILABLE",
                agent.stubs.auth.Validate,
                auth_pb2.ValidateRequest(credential=credential))
        # What can be judged without the server still is.
        harness.assert_refused(
            self, grpc.StatusCode.INVALID_ARGUMENT, "INVALID_FIELD",
            agent.stubs.auth.Validate,
            auth_pb2.ValidateRequest(credential="x" * 8193))
        self.assertEqual(agent.stop(), 0, agent.log())

    def until_unavailable(self, agent, credential):
        while True:
            try:
                self.assertTrue(agent.validate(credential).active)
            except grpc.RpcError as error:
                self.assertEqual(error.code(), grpc.StatusCode.UNAVAILABLE)
                return

    def test_it_begins_before_the_server_does(self):
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            agent = start_agent(self,
                                "127.0.0.1:%d" % free.getsockname()[1])
            self.assertEqual(agent.health(), NOT_SERVING)
            harness.assert_refused(
                self, grpc.StatusCode.UNAVAILABLE, "VALIDATOR_UNAVAILABLE",
                agent.stubs.auth.Validate, auth_pb2.ValidateRequest())
        agent.wait_for_log("holds no lease")
        self.assertEqual(agent.stop(signal.SIGINT), 0)

    def test_calls_under_way_end_before_it_does(self):
        daemon = self.daemon()
        agent = start_agent(self, daemon.address, "--ask_timeout", "500ms")
        agent.wait_for_health(SERVING)
        daemon.process.send_signal(signal.SIGSTOP)
        self.addCleanup(daemon.process.send_signal, signal.SIGCONT)
        calls = [agent.stubs.auth.Validate.future(
            auth_pb2.ValidateRequest(credential="lks_" + "0" * 49),
            timeout=TIMEOUT) for _ in range(10)]
        agent.process.send_signal(signal.SIGTERM)
        # Those that came too late are gRPC's to refuse.
        self.assertLessEqual({call.code() for call in calls},
                             {grpc.StatusCode.DEADLINE_EXCEEDED,
                              grpc.StatusCode.UNAVAILABLE,
                              grpc.StatusCode.CANCELLED})
        # A second signal would have ended it where it is.
        self.assertEqual(agent.process.wait(), 0)

    def test_the_socket_is_its_owners_alone(self):
        daemon = self.daemon()
        agent = start_agent(self, daemon.address)
        self.assertEqual(stat.S_IMODE(os.stat(agent.path).st_mode), 0o600)
        again = subprocess.run(agent.command, env=agent.environment,
                               stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        self.assertEqual(again.returncode, CANNOT_START)
        self.assertEqual(again.stdout, b"")
        self.assertIn(b"another agent", again.stderr)
        agent.wait_for_health(SERVING)
        self.assertEqual(agent.stop(), 0, agent.log())
        self.assertFalse(os.path.exists(agent.path))
        shared = start_agent(self, daemon.address, "--socket_mode", "0660")
        self.assertEqual(stat.S_IMODE(os.stat(shared.path).st_mode), 0o660)

    def test_connections_beyond_its_limit_are_closed(self):
        # Its health is that of its lease, which is not to end meanwhile.
        daemon = self.daemon("--lease_ttl", "30s")
        agent = start_agent(self, daemon.address, "--max_connections", "8")
        agent.wait_for_health(SERVING)
        made = []
        self.addCleanup(lambda: [one.close() for one in made])
        for _ in range(300):
            made.append(socket.socket(socket.AF_UNIX))
            made[-1].connect(agent.path)
            made[-1].settimeout(TIMEOUT)
        # Who has room hears the server's first word, the others the end.
        taken = sum(self.is_taken(one) for one in made)
        self.assertGreaterEqual(taken, 8)
        self.assertLessEqual(taken, 8 + 64)
        self.assertEqual(agent.health(), SERVING)  # it was there before
        for one in made:
            one.close()
        while True:
            stubs = harness.Stubs(agent.address)
            try:
                self.assertEqual(stubs.raw("/grpc.health.v1.Health/Check"),
                                 SERVING)
                break
            except grpc.RpcError as error:  # until it has seen them go
                self.assertEqual(error.code(), grpc.StatusCode.UNAVAILABLE)
            finally:
                stubs.channel.close()
        self.assertEqual(agent.stop(), 0, agent.log())

    @staticmethod
    def is_taken(connection):
        try:
            return connection.recv(1) != b""
        except ConnectionError:
            return False

    def test_the_socket_of_one_that_was_killed_is_taken_over(self):
        daemon = self.daemon()
        agent = start_agent(self, daemon.address)
        agent.stop(signal.SIGKILL)
        self.assertTrue(os.path.exists(agent.path))
        agent.start()
        agent.wait_for_health(SERVING)
        self.assertEqual(agent.stop(), 0, agent.log())

    def test_what_is_no_setting_is_refused(self):
        for arguments, environment, named in (
                (["--issuer", "x", "--no_such"], {}, "--no_such"),
                ([], {}, "--issuer"),
                (["--issuer", "x", "--listen", "0.0.0.0:1"], {}, "--listen"),
                (["--issuer", "x", "--listen", "unix:/x"],
                 {"LATCHKEY_AGENT_NO_SUCH": "x"}, "LATCHKEY_AGENT_NO_SUCH")):
            done = harness.run_program([AGENT, *arguments],
                                       environment=environment)
            self.assertEqual(done.code, USAGE, done.err)
            self.assertEqual(done.out, "")
            self.assertIn(named, done.err)
        for flag in ("--help", "--version"):
            done = harness.run_program([AGENT, flag])
            self.assertEqual(done.code, 0, done.err)
            self.assertIn("latchkey-agent", done.out)

    def test_who_cannot_start_says_why(self):
        for code, settings, why in (
                (USAGE, ["--server", "auth.example:7870"], "auth.example"),
                (USAGE, ["--max_connections", "0"], "--max_connections"),
                (CANNOT_START, ["--max_connections", "50000"],
                 "--max_connections"),
                (CANNOT_START, ["--tls_ca", "/no/such/ca"], "/no/such/ca"),
                (CANNOT_START, ["--listen", "unix:/no/such/directory/s"],
                 "/no/such")):
            done = harness.run_program(
                ["prlimit", "--nofile=1024:1024", AGENT, "--issuer", ISSUER, "--listen",
                 "unix:" + os.path.join(tempfile.gettempdir(), "never"),
                 *settings])
            self.assertEqual(done.code, code, done.err)
            self.assertEqual(done.out, "")
            self.assertIn(why, done.err)


class OverTls(certificates.TlsTest):
    """To a server that lets only validators ask."""

    SETTINGS = ("--issuer", ISSUER, "--grant", "account:shop=validator,reason")

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.password = cls.daemon.create_account("alice")
        cls.secret_path = os.path.join(cls.directory, "secret")
        cls.secrets = {name: cls.daemon.create_service(name)
                       for name in ("shop", "nobody")}

    def start(self, name, secret, **options):
        settings = ["--tls_ca", self.daemon.ca.certificate, "--client_id",
                    name, *secret]
        agent = start_agent(self, self.daemon.address, *settings, **options)
        self.addCleanup(self.check_log, agent)
        return agent

    def check_log(self, agent):
        with open(agent.log_path, "rb") as log:
            self.assertEqual(self.daemon.secrets.found_in(log.read()), set())

    def check(self, agent):
        agent.wait_for_health(SERVING)
        login = self.daemon.login("alice", self.password, JWT)
        for _ in range(2):
            self.assertTrue(agent.validate(login.credential).active)
        self.daemon.logout(login.credential, wait=VERIFIERS)
        # The agent may see the reason; who asks it has no such permission.
        answer = agent.validate(login.credential)
        self.assertFalse(answer.active)
        unknown = agent.validate("lks_" + "0" * 49)
        self.assertEqual(without_revision(unknown),
                         auth_pb2.ValidateResponse())
        self.assertEqual(agent.stop(), 0, agent.log())

    def test_it_asks_as_a_service_account(self):
        certificates.replace(self.secret_path,
                             self.secrets["shop"].encode() + b"\n")
        self.check(self.start(
            "shop", ["--client_secret_file", self.secret_path]))

    def test_the_secret_may_come_by_the_environment(self):
        self.check(self.start("shop", [], environment={
            "LATCHKEY_AGENT_CLIENT_SECRET": self.secrets["shop"]}))

    def test_an_account_that_may_not_ask_gets_nothing(self):
        agent = self.start("nobody", [], environment={
            "LATCHKEY_AGENT_CLIENT_SECRET": self.secrets["nobody"]})
        login = self.daemon.login("alice", self.password, JWT)
        harness.assert_refused(
            self, grpc.StatusCode.UNAVAILABLE, "VALIDATOR_UNAVAILABLE",
            agent.stubs.auth.Validate,
            auth_pb2.ValidateRequest(credential=login.credential))
        self.assertEqual(agent.health(), NOT_SERVING)
        agent.wait_for_log("permission validator")
        self.assertEqual(agent.stop(), 0, agent.log())

    def test_a_secret_that_others_may_read_is_not_taken(self):
        path = os.path.join(self.directory, "open")
        with open(path, "w", encoding="ascii") as file:
            file.write(self.secrets["shop"])
        os.chmod(path, 0o644)
        done = harness.run_program(
            [AGENT, "--issuer", ISSUER, "--listen",
             "unix:" + os.path.join(self.directory, "s"), "--tls_ca",
             self.daemon.ca.certificate, "--client_id", "shop",
             "--client_secret_file", path])
        self.assertEqual(done.code, CANNOT_START, done.err)
        self.assertIn("chmod 600", done.err)
        self.assertEqual(self.daemon.secrets.found_in(done.err.encode()),
                         set())


if __name__ == "__main__":
    unittest.main()
