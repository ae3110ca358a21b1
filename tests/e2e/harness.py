"""What every end-to-end test stands on: the real latchkeyd, started on a free
port over a directory of its own, and what is needed to talk to it.

The environment names what is tested: TEST_LATCHKEYD, TEST_LATCHKEY (the
binaries), TEST_STUBS (generated Python stubs), TEST_SOURCE (the project).
"""

import base64
import hashlib
import os
import re
import secrets
import select
import shutil
import signal
import subprocess
import sys
import tempfile
import unittest

sys.path.insert(0, os.environ["TEST_STUBS"])

import grpc  # noqa: E402  the stubs' path comes first

from latchkey.internal.v1 import error_details_pb2  # noqa: E402
from latchkey.v1 import (account_pb2, account_pb2_grpc, admin_pb2,  # noqa: E402
                         admin_pb2_grpc, auth_pb2, auth_pb2_grpc, key_pb2,
                         key_pb2_grpc, revocation_pb2, revocation_pb2_grpc,
                         session_pb2, session_service_pb2,
                         session_service_pb2_grpc)

LATCHKEYD = os.environ["TEST_LATCHKEYD"]
LATCHKEY = os.environ["TEST_LATCHKEY"]
SOURCE = os.environ["TEST_SOURCE"]

# No call of a test should come near to this; it ends what would never end.
CALL_TIMEOUT_SECONDS = 60

# The cheapest hash that the server allows: these tests are not about its cost,
# nor about how long a busy machine lets a login wait for one.
CHEAP_HASH = ["--hash_time_cost", "1", "--hash_memory_kib", "8192",
              "--hash_max_wait", "60s"]

OPAQUE = auth_pb2.CREDENTIAL_FORMAT_OPAQUE
JWT = auth_pb2.CREDENTIAL_FORMAT_JWT


def clean_environment(extra=None):
    """Returns the environment without settings of whoever runs the tests."""
    environment = {name: value for name, value in os.environ.items()
                   if not name.startswith("LATCHKEY_")}
    environment.update(extra or {})
    return environment


# For a server that has no descriptor left: UBSan looks at memory through a pipe
# of its own, and takes the want of descriptors for an object of no type.
UBSAN_WITHOUT_DESCRIPTORS = {
    "UBSAN_OPTIONS": "%s:suppressions=%s" % (
        os.environ.get("UBSAN_OPTIONS", ""),
        os.path.join(SOURCE, "tests", "e2e", "no_descriptors.supp"))}


class Secrets:
    """Collects what must never be found in a log or, in clear, on disk."""

    def __init__(self):
        self._found_by = {}  # bytes to look for -> what they are

    def password(self, password):
        # A short one would be found by accident.
        assert len(password) >= 12, "too short to look for"
        self._add(password.encode(), "a password")
        return password

    def credential(self, credential):
        self._add(credential.encode(), "a credential")
        digest = hashlib.sha256(credential.encode()).digest()
        self._add(digest.hex().encode(), "a digest in full")
        self._add(base64.b64encode(digest).rstrip(b"="), "a digest in full")
        self._add(base64.urlsafe_b64encode(digest).rstrip(b"="),
                  "a digest in full")
        return credential

    def key_file(self, path):
        with open(path, "rb") as file:
            digits = file.read().split()[-1]  # below the comment
        key = bytes.fromhex(digits.decode())
        for form in (digits, key, base64.b64encode(key).rstrip(b"="),
                     base64.urlsafe_b64encode(key).rstrip(b"=")):
            self._add(form, "the master key")

    def key_pem(self, pem):
        for line in pem.splitlines():
            # Not the frame, nor a last line that is found by accident.
            if not line.startswith(b"-----") and len(line) >= 16:
                self._add(line, "a private key")

    def _add(self, text, what):
        if text:
            self._found_by[text] = what

    def found_in(self, text):
        """Returns what of it all stands in `text`, by kind."""
        found = {what for secret, what in self._found_by.items()
                 if secret in text}
        if re.search(rb"PRIVATE KEY|\"d\"\s*:", text):
            found.add("a private key")
        return found


class Details:
    """An error of a call, as the server told it."""

    def __init__(self, error):
        self.code = error.code()
        self.message = error.details()
        self.reason = self.domain = None
        self.metadata = {}
        self.retry_seconds = None
        self.fields = {}
        for key, value in error.trailing_metadata() or ():
            if key == "grpc-status-details-bin":
                self._read(error_details_pb2.ErrorStatus.FromString(value))

    def _read(self, status):
        assert status.code == self.code.value[0], "status and details differ"
        for packed in status.details:
            name = packed.type_url.rpartition("/")[2]
            if name == "google.rpc.ErrorInfo":
                info = error_details_pb2.ErrorInfo.FromString(packed.value)
                self.reason, self.domain = info.reason, info.domain
                self.metadata = dict(info.metadata)
            elif name == "google.rpc.RetryInfo":
                retry = error_details_pb2.RetryInfo.FromString(packed.value)
                delay = retry.retry_delay
                self.retry_seconds = delay.seconds + delay.nanos / 1e9
            elif name == "google.rpc.BadRequest":
                bad = error_details_pb2.BadRequest.FromString(packed.value)
                self.fields = {v.field: v.description
                               for v in bad.field_violations}


class Stubs:
    """All services through one channel."""

    def __init__(self, address, credentials=None):
        options = [
            ("grpc.enable_http_proxy", 0),
            ("grpc.max_receive_message_length", 16 << 20),
            ("grpc.use_local_subchannel_pool", 1),
        ]
        self.channel = (
            grpc.secure_channel(address, credentials, options) if credentials
            else grpc.insecure_channel(address, options))
        self.auth = auth_pb2_grpc.AuthServiceStub(self.channel)
        self.accounts = account_pb2_grpc.AccountServiceStub(self.channel)
        self.sessions = session_service_pb2_grpc.SessionServiceStub(
            self.channel)
        self.keys = key_pb2_grpc.KeyServiceStub(self.channel)
        self.admin = admin_pb2_grpc.AdminServiceStub(self.channel)
        self.revocations = revocation_pb2_grpc.RevocationServiceStub(
            self.channel)

    def raw(self, method, request=b""):
        """Calls `method`, "/service/Name", with bytes, and returns bytes."""
        call = self.channel.unary_unary(
            method, request_serializer=lambda data: data,
            response_deserializer=lambda data: data)
        return call(request, timeout=CALL_TIMEOUT_SECONDS)


class Daemon:
    """A latchkeyd of its own. Its log is kept at the most talkative level and
    searched for secrets when it stops."""

    def __init__(self, settings=(), directory=None):
        self.directory = directory or tempfile.mkdtemp(prefix="latchkey-e2e.")
        self.owns_directory = directory is None
        self.data_dir = os.path.join(self.directory, "data")
        self.key_file = os.path.join(self.directory, "master.key")
        self.log_path = os.path.join(self.directory, "log")
        self.settings = list(settings)
        self.secrets = Secrets()
        self.credentials = None  # of the network port; None: plaintext
        self.environment = {}
        self.process = None
        self.public = self.private = None

    def command(self):
        return [LATCHKEYD, "--data_dir", self.data_dir,
                "--listen", "127.0.0.1:0", "--master_key_file", self.key_file,
                "--log_level", "debug"] + CHEAP_HASH + self.settings

    def start(self):
        with open(self.log_path, "ab") as log:
            # Dies with the test, should that be ended from outside.
            self.process = subprocess.Popen(
                ["setpriv", "--pdeathsig", "KILL"] + self.command(),
                stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=log,
                env=clean_environment(self.environment))
        line = self.process.stdout.readline().decode()
        ready = re.fullmatch(
            r"latchkeyd ready: listen=(\S+)(?: metrics=(\S+))? admin=(\S+)\n",
            line)
        if not ready:
            self.kill()
            raise AssertionError("not ready: %r; log:\n%s" % (line, self.log()))
        self.address, self.metrics_address, self.admin_address = ready.groups()
        self.public = Stubs(self.address, self.credentials)
        self.private = Stubs(self.admin_address)
        self.secrets.key_file(self.key_file)
        return self

    def log(self):
        with open(self.log_path, "rb") as log:
            return log.read().decode(errors="replace")

    def stop(self):
        """Ends it by SIGTERM and returns the exit code."""
        self._close_channels()
        self.process.send_signal(signal.SIGTERM)
        code = self.process.wait()
        self.process.stdout.close()
        self.process = None
        return code

    def kill(self):
        self._close_channels()
        self.process.kill()
        self.process.wait()
        self.process.stdout.close()
        self.process = None

    def restart(self):
        assert self.stop() == 0
        return self.start()

    def close(self):
        """Ends it, looks for secrets in the log and on disk, removes all."""
        try:
            code = self.stop() if self.process else 0
            assert code == 0, "ended with %d:\n%s" % (code, self.log())
            self.check_secrets()
        finally:
            if self.process:
                self.kill()
            if self.owns_directory:
                shutil.rmtree(self.directory)

    def check_secrets(self):
        with open(self.log_path, "rb") as log:
            found = self.secrets.found_in(log.read())
        assert not found, "the log holds %s" % ", ".join(sorted(found))
        for path in self.data_files():
            with open(path, "rb") as file:
                found = self.secrets.found_in(file.read())
            # Sealed or hashed is what the disk may hold; a digest is its key.
            assert not found - {"a digest in full"}, \
                "%s holds %s" % (path, ", ".join(sorted(found)))

    def data_files(self):
        for folder, _, names in os.walk(self.data_dir):
            for name in names:
                path = os.path.join(folder, name)
                if os.path.isfile(path):
                    yield path

    def _close_channels(self):
        for stubs in (self.public, self.private):
            if stubs:
                stubs.channel.close()
        self.public = self.private = None

    # What most tests begin with.

    def create_account(self, name, password=None, roles=()):
        password = self.secrets.password(password or secrets.token_hex(16))
        self.private.accounts.CreateAccount(
            account_pb2.CreateAccountRequest(
                account_id=name, password=password, roles=roles),
            timeout=CALL_TIMEOUT_SECONDS)
        return password

    def create_service(self, name, roles=()):
        """Makes a service account and returns a secret of its."""
        self.private.accounts.CreateAccount(
            account_pb2.CreateAccountRequest(
                account_id=name, kind=account_pb2.ACCOUNT_KIND_SERVICE,
                roles=roles),
            timeout=CALL_TIMEOUT_SECONDS)
        secret = self.private.accounts.AddClientSecret(
            account_pb2.AddClientSecretRequest(parent="accounts/" + name),
            timeout=CALL_TIMEOUT_SECONDS).secret
        self.secrets.credential(secret)
        return secret

    def login(self, account, password, credential_format=OPAQUE, **fields):
        return self._login(credential_format, account=account,
                           password=password, **fields)

    def login_at_last(self, account, password):
        """Logs in as soon as there is room for it, waiting as it is told."""
        while True:
            try:
                return self.login(account, password)
            except grpc.RpcError as error:
                details = Details(error)
                if details.code != grpc.StatusCode.RESOURCE_EXHAUSTED:
                    raise
                select.select([], [], [], details.retry_seconds)

    def login_service(self, account, secret, credential_format=OPAQUE,
                      **fields):
        return self._login(credential_format, account=account,
                           client_secret=secret, **fields)

    def _login(self, credential_format, **fields):
        response = self.public.auth.Login(
            auth_pb2.LoginRequest(credential_format=credential_format,
                                  **fields),
            timeout=CALL_TIMEOUT_SECONDS)
        self.secrets.credential(response.credential)
        if response.refresh_credential:
            self.secrets.credential(response.refresh_credential)
        return response

    def validate(self, credential, **fields):
        return self.public.auth.Validate(
            auth_pb2.ValidateRequest(credential=credential, **fields),
            timeout=CALL_TIMEOUT_SECONDS)

    def logout(self, credential, **fields):
        return self.public.auth.Logout(
            auth_pb2.LogoutRequest(credential=credential, **fields),
            timeout=CALL_TIMEOUT_SECONDS)

    def list_sessions(self, account):
        return self.private.sessions.ListSessions(
            session_service_pb2.ListSessionsRequest(
                parent="accounts/" + account),
            timeout=CALL_TIMEOUT_SECONDS).sessions


def start_daemon(test, settings=()):
    """Starts a server that ends, searched for secrets, with `test`."""
    daemon = Daemon(settings).start()
    test.addCleanup(daemon.close)
    return daemon


class DaemonTest(unittest.TestCase):
    """Tests over one server, shared by the tests of the class."""

    SETTINGS = ()

    @classmethod
    def setUpClass(cls):
        cls.daemon = Daemon(cls.SETTINGS).start()

    @classmethod
    def tearDownClass(cls):
        cls.daemon.close()

    def assertRefused(self, code, reason, method, request, **options):
        """Makes a call that must fail, and returns its Details."""
        return assert_refused(self, code, reason, method, request, **options)

    def run_cli(self, *arguments, **options):
        return run_cli(self.daemon, *arguments, **options)


def assert_refused(test, code, reason, method, request, **options):
    options.setdefault("timeout", CALL_TIMEOUT_SECONDS)
    with test.assertRaises(grpc.RpcError) as caught:
        method(request, **options)
    details = Details(caught.exception)
    test.assertEqual(details.code, code, details.message)
    test.assertEqual(details.reason, reason, details.message)
    if reason is not None:
        test.assertEqual(details.domain, "latchkey")
    return details


class Done:
    """What a program that has ended left behind."""

    def __init__(self, process, out, err):
        self.code = process.returncode
        self.out = out.decode()
        self.err = err.decode()


def run_program(command, stdin=b"", environment=None):
    with subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            stderr=subprocess.PIPE, start_new_session=True,
            env=clean_environment(environment)) as process:
        out, err = process.communicate(stdin)
    return Done(process, out, err)


def run_cli(daemon, *arguments, stdin=b"", admin=False, environment=None):
    """Runs latchkey; it has no terminal to ask on."""
    address = daemon.admin_address if admin else daemon.address
    return run_program([LATCHKEY, "--server", address, *arguments], stdin,
                       environment)
