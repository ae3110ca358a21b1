"""What /metrics and /healthz tell, and what they do not."""

import http.client
import os
import re
import resource
import signal
import tempfile
import unittest

import grpc
import harness
import prometheus_text
from harness import account_pb2, admin_pb2, auth_pb2

LISTEN = ("--metrics_listen", "127.0.0.1:0")

# Names are public: dashboards and alerts stand on them.
FAMILIES = {
    "latchkey_verifier_streams", "latchkey_verifier_leases",
    "latchkey_verifier_oldest_lease_seconds",
    "latchkey_verifier_heartbeats_total",
    "latchkey_verifier_accepted_staleness_seconds",
    "latchkey_propagation_waits", "latchkey_revocation_propagation_seconds",
    "latchkey_revocation_log_entries",
    "latchkey_build_info", "latchkey_cache_entries",
    "latchkey_cache_lookups_total", "latchkey_cache_max_entries",
    "latchkey_cache_warm",
    "latchkey_call_duration_seconds", "latchkey_calls_total",
    "latchkey_clock_held_seconds", "latchkey_committer_changes_total",
    "latchkey_credential_checks_total",
    "latchkey_committer_waiting", "latchkey_committer_write_duration_seconds",
    "latchkey_committer_written_bytes_total", "latchkey_hash_dropped_total",
    "latchkey_hash_duration_seconds", "latchkey_hash_refused_total",
    "latchkey_hash_running", "latchkey_hash_started_total",
    "latchkey_hash_wait_seconds", "latchkey_hash_waiting",
    "latchkey_janitor_failed_key_turns_total",
    "latchkey_janitor_freed_sessions_total", "latchkey_janitor_runs_total",
    "latchkey_keys", "latchkey_pool_refused_total", "latchkey_pool_running",
    "latchkey_pool_started_total", "latchkey_pool_waiting", "latchkey_ready",
    "latchkey_revision", "latchkey_session_cache_evicted_total",
    "latchkey_session_profile_bytes",
    "latchkey_signing_key_activate_time_seconds",
    "latchkey_store_background_errors", "latchkey_store_block_cache_bytes",
    "latchkey_store_block_cache_capacity_bytes",
    "latchkey_store_block_cache_pinned_bytes",
    "latchkey_store_delayed_write_bytes_per_second", "latchkey_store_healthy",
    "latchkey_store_pending_compaction_bytes", "latchkey_store_rows",
    "latchkey_store_running_compactions", "latchkey_store_running_flushes",
    "latchkey_store_table_files_bytes", "latchkey_store_table_readers_bytes",
    "latchkey_store_write_buffers_bytes", "latchkey_store_write_failed",
    "latchkey_store_writes_stopped",
    "process_cpu_seconds_total", "process_max_fds", "process_open_fds",
    "process_resident_memory_bytes", "process_start_time_seconds",
    "process_virtual_memory_bytes",
    "latchkey_connections_open", "latchkey_connections_refused_total",
    "latchkey_connections_taken_total", "latchkey_login_guard_admitted_total",
    "latchkey_login_guard_evicted_total", "latchkey_login_guard_failures",
    "latchkey_login_guard_refused_total", "latchkey_login_guard_settled_total",
}


def ask(daemon, path, method="GET"):
    """Returns the HTTP status and the body."""
    connection = http.client.HTTPConnection(
        daemon.metrics_address, timeout=harness.CALL_TIMEOUT_SECONDS)
    try:
        connection.request(method, path)
        response = connection.getresponse()
        return response.status, response.read().decode()
    finally:
        connection.close()


class Scrape:
    """The metrics at one moment."""

    def __init__(self, daemon):
        status, self.text = ask(daemon, "/metrics")
        assert status == 200, status
        self.families = prometheus_text.parse(self.text)

    def value(self, name, **labels):
        """Returns the value of one series; of one that is not there, zero."""
        family = re.sub("_(bucket|sum|count)$", "", name)
        series = self.families.get(family) or self.families[name]
        return series.series.get((name, frozenset(labels.items())), 0)

    def calls(self, method, code="OK"):
        calls = self.value("latchkey_calls_total", method=method, code=code)
        timed = self.value("latchkey_call_duration_seconds_count",
                           method=method, code=code)
        assert calls == timed, method
        return calls


class Metrics(harness.DaemonTest):

    SETTINGS = LISTEN

    def counted(self, calls, *methods):
        """Runs `calls` and returns by how much each (method, code) went up."""
        before = Scrape(self.daemon)
        calls()
        after = Scrape(self.daemon)
        return [after.calls(*method) - before.calls(*method)
                for method in methods]

    def test_names_are_these(self):
        self.assertEqual(set(Scrape(self.daemon).families), FAMILIES)

    def test_each_call_is_counted_once_by_method_and_code(self):
        password = self.daemon.create_account("counted")

        def calls():
            credential = self.daemon.login("counted", password).credential
            token = self.daemon.login("counted", password,
                                      harness.JWT).credential
            self.assertRefused(
                grpc.StatusCode.UNAUTHENTICATED, "LOGIN_REFUSED",
                self.daemon.public.auth.Login,
                auth_pb2.LoginRequest(account="counted", password="wrong one"))
            for _ in range(3):
                self.assertTrue(self.daemon.validate(credential).active)
            self.assertTrue(self.daemon.validate(token).active)
            self.assertFalse(self.daemon.validate("nothing").active)
            self.daemon.logout(credential)

        self.assertEqual(
            self.counted(calls, ("Login",), ("Login", "UNAUTHENTICATED"),
                         ("Validate",), ("Logout",), ("Refresh",)),
            [2, 1, 5, 1, 0])

    def test_batches_are_counted_as_calls(self):
        def calls():
            for size in (1, 100):
                self.daemon.public.auth.BatchValidate(
                    auth_pb2.BatchValidateRequest(requests=[
                        auth_pb2.ValidateRequest(credential="nothing")
                    ] * size), timeout=harness.CALL_TIMEOUT_SECONDS)

        self.assertEqual(
            self.counted(calls, ("BatchValidate",), ("Validate",)), [2, 0])

    def test_checks_are_counted_by_what_came_of_them(self):
        daemon = harness.start_daemon(
            self, LISTEN + ("--grant", "account:reader=reason"))
        outcomes = ("active", "not_good", "audience", "auth_too_old")

        def counts():
            scrape = Scrape(daemon)
            return [scrape.value("latchkey_credential_checks_total",
                                 outcome=outcome) for outcome in outcomes]

        self.assertEqual(counts(), [0, 0, 0, 0])
        password = daemon.create_account("checked")
        credentials = [daemon.login("checked", password, form,
                                    audiences=["billing"]).credential
                       for form in (harness.OPAQUE, harness.JWT)]
        old = auth_pb2.ValidateRequest().max_auth_age
        old.nanos = 1000
        requests = [auth_pb2.ValidateRequest(**fields) for fields in (
            {"credential": "nothing"}, {"credential": "nothing else"},
            {"credential": credentials[0], "audience": "mail"},
            {"credential": credentials[1], "audience": "billing"},
            {"credential": credentials[0], "audience": "billing"},
            {"credential": credentials[0], "audience": "billing"},
            {"credential": credentials[1], "audience": "billing",
             "max_auth_age": old})]
        secret = daemon.create_service("reader")
        reader = (("authorization", "Bearer " + daemon.login_service(
            "reader", secret).credential),)
        # By the network's port, on which a reason may be due once it is known
        # who asks; the operator's socket; and one who is told.
        for round, (stubs, metadata) in enumerate((
                (daemon.public, ()), (daemon.private, ()),
                (daemon.public, reader))):
            for request in requests:
                stubs.auth.Validate(request, metadata=metadata,
                                    timeout=harness.CALL_TIMEOUT_SECONDS)
            self.assertEqual(counts(), [n * (2 * round + 1)
                                        for n in (3, 2, 1, 1)])
            stubs.auth.BatchValidate(
                auth_pb2.BatchValidateRequest(requests=requests),
                metadata=metadata, timeout=harness.CALL_TIMEOUT_SECONDS)
            self.assertEqual(counts(), [n * (2 * round + 2)
                                        for n in (3, 2, 1, 1)])

    def test_checks_that_were_refused_are_not_counted(self):
        before = Scrape(self.daemon).value("latchkey_credential_checks_total",
                                           outcome="not_good")
        self.assertRefused(
            grpc.StatusCode.INVALID_ARGUMENT, "INVALID_FIELD",
            self.daemon.public.auth.Validate,
            auth_pb2.ValidateRequest(credential="x", audience="\n"))
        self.assertEqual(
            Scrape(self.daemon).value("latchkey_credential_checks_total",
                                      outcome="not_good"), before)

    def test_refusals_before_the_verb_are_counted(self):
        def calls():
            self.assertRefused(
                grpc.StatusCode.PERMISSION_DENIED, "NOT_PERMITTED",
                self.daemon.public.admin.GetServerInfo,
                admin_pb2.GetServerInfoRequest())
            self.assertRefused(
                grpc.StatusCode.INVALID_ARGUMENT, "INVALID_FIELD",
                lambda request, timeout: self.daemon.public.raw(
                    "/latchkey.v1.AuthService/Validate", request), b"\xff")
            self.assertRefused(
                grpc.StatusCode.NOT_FOUND, "ACCOUNT_NOT_FOUND",
                self.daemon.private.accounts.GetAccount,
                account_pb2.GetAccountRequest(name="accounts/nobody"))

        self.assertEqual(
            self.counted(calls, ("GetServerInfo", "PERMISSION_DENIED"),
                         ("Validate", "INVALID_ARGUMENT"), ("Validate",),
                         ("GetAccount", "NOT_FOUND")), [1, 1, 0, 1])

    def test_parts_tell_what_they_did(self):
        before = Scrape(self.daemon)
        password = self.daemon.create_account("parts")
        credential = self.daemon.login("parts", password).credential
        self.assertTrue(self.daemon.validate(credential).active)
        after = Scrape(self.daemon)

        def went_up(name, **labels):
            return after.value(name, **labels) - before.value(name, **labels)

        # The account, and the session.
        self.assertEqual(went_up("latchkey_hash_started_total"), 2)
        # The thread of a hash counts it after it has handed the login on.
        count = "latchkey_hash_duration_seconds_count"
        while Scrape(self.daemon).value(count) - before.value(count) < 2:
            pass
        self.assertEqual(
            went_up("latchkey_committer_changes_total", result="committed"), 2)
        self.assertEqual(went_up("latchkey_revision"), 2)
        self.assertEqual(
            went_up("latchkey_committer_write_duration_seconds_count"), 2)
        self.assertEqual(
            went_up("latchkey_cache_lookups_total", cache="session",
                    result="hit"), 1)
        self.assertGreater(
            went_up("latchkey_pool_started_total", pool="worker"), 0)
        self.assertEqual(after.value("latchkey_store_healthy"), 1)
        self.assertEqual(after.value("latchkey_ready"), 1)
        self.assertEqual(after.value("latchkey_keys", state="signing"), 1)
        self.assertEqual(after.value("latchkey_clock_held_seconds"), 0)
        self.assertGreater(after.value("process_open_fds"), 0)

    def test_it_tells_nothing_about_anybody(self):
        name = "somebody-to-look-for"
        password = self.daemon.create_account(name, roles=["role-to-look-for"])
        session = self.daemon.login(name, password, harness.JWT).session
        self.daemon.validate("credential-to-look-for")
        self.assertRefused(
            grpc.StatusCode.UNAUTHENTICATED, "LOGIN_REFUSED",
            self.daemon.public.auth.Login,
            auth_pb2.LoginRequest(account="unknown-to-look-for",
                                  password="password-to-look-for"))
        text = Scrape(self.daemon).text
        self.assertEqual(self.daemon.secrets.found_in(text.encode()), set())
        self.assertNotIn("look-for", text)
        self.assertNotIn(session.name.rpartition("/")[2], text)
        self.assertNotIn(self.daemon.directory, text)
        self.assertNotIn("127.0.0.1", text)

    def test_only_reading_and_only_these_pages(self):
        self.assertEqual(ask(self.daemon, "/healthz"), (200, "ok\n"))
        self.assertEqual(ask(self.daemon, "/metrics", "HEAD"), (200, ""))
        for method in ("POST", "PUT", "DELETE"):
            self.assertEqual(ask(self.daemon, "/metrics", method)[0], 405)
        for path in ("/", "/metrics/x", "/debug/pprof"):
            self.assertEqual(ask(self.daemon, path)[0], 404)


class Serving(unittest.TestCase):

    def test_nothing_is_served_unless_it_is_said(self):
        daemon = harness.start_daemon(self)
        self.assertIsNone(daemon.metrics_address)

    def test_a_taken_port_is_named_and_nothing_starts(self):
        daemon = harness.start_daemon(self, LISTEN)
        with tempfile.TemporaryDirectory(prefix="latchkey-e2e.") as directory:
            done = harness.run_program([
                harness.LATCHKEYD, "--data_dir", os.path.join(directory, "d"),
                "--listen", "127.0.0.1:0",
                "--metrics_listen", daemon.metrics_address])
        self.assertEqual(done.code, 1)
        self.assertEqual(done.out, "")
        self.assertEqual(
            done.err.splitlines()[-1],
            "latchkeyd: cannot serve metrics on %s: Address already in use"
            % daemon.metrics_address)

    def test_figures_begin_anew_with_the_server(self):
        daemon = harness.start_daemon(self, LISTEN)
        daemon.validate("nothing")
        self.assertEqual(Scrape(daemon).calls("Validate"), 1)
        daemon.restart()
        self.assertEqual(Scrape(daemon).calls("Validate"), 0)

    def test_health_turns_false_when_the_store_has_failed(self):
        daemon = harness.start_daemon(self, LISTEN)
        password = daemon.create_account("alice")
        # No file of the server may grow any more.
        resource.prlimit(daemon.process.pid, resource.RLIMIT_FSIZE, (1, 1))
        harness.assert_refused(
            self, grpc.StatusCode.UNAVAILABLE, "STORE_FAILED",
            daemon.public.auth.Login,
            auth_pb2.LoginRequest(account="alice", password=password))
        self.assertEqual(ask(daemon, "/healthz"), (503, "not ready\n"))
        scrape = Scrape(daemon)
        self.assertEqual(scrape.value("latchkey_ready"), 0)
        self.assertEqual(scrape.value("latchkey_store_write_failed"), 1)
        self.assertEqual(
            scrape.value("latchkey_committer_changes_total", result="failed"),
            1)

    def test_health_turns_false_while_draining(self):
        # A hash that takes a while: the drain waits for it.
        daemon = harness.start_daemon(
            self, LISTEN + ("--hash_time_cost", "64",
                            "--hash_memory_kib", "65536",
                            "--drain_timeout", "60s"))
        call = daemon.private.accounts.CreateAccount.future(
            account_pb2.CreateAccountRequest(
                account_id="slow",
                password=daemon.secrets.password("password of slow")),
            timeout=harness.CALL_TIMEOUT_SECONDS)
        while Scrape(daemon).value("latchkey_hash_running") == 0:
            pass
        daemon.process.send_signal(signal.SIGTERM)
        seen = set()
        while 503 not in seen:
            try:
                seen.add(ask(daemon, "/healthz")[0])
            except OSError:
                break  # it has drained
        self.assertIn(503, seen)
        call.result()
        self.assertEqual(daemon.process.wait(), 0)


if __name__ == "__main__":
    unittest.main()
