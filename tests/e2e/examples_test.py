"""The examples of the client library, built outside the tree against what
`cmake --install` puts there, and run against the real latchkeyd."""

import os
import re
import secrets
import shutil
import subprocess
import sys
import tempfile
import unittest

import grpc
import harness
import relay
from harness import session_pb2, session_service_pb2

BUILD = os.environ["TEST_BUILD"]
ISSUER = "shop-logins"
VERIFIERS = session_pb2.PROPAGATION_WAIT_VERIFIERS

# Judges nothing, but must compile and link without gRPC.
VERIFY_ONLY = """
cmake_minimum_required(VERSION 3.25)
project(verify_only LANGUAGES C CXX)
find_package(latchkey 0.1 CONFIG REQUIRED COMPONENTS verify)
if(TARGET gRPC::grpc++ OR TARGET latchkey::client)
  message(FATAL_ERROR "the verifier brought gRPC along")
endif()
add_executable(verify_only main.cc)
target_link_libraries(verify_only PRIVATE latchkey::verify)
"""
VERIFY_ONLY_MAIN = """
#include "client/verify/revision.h"
int main() { return latchkey::ReadRevisionToken("no token").has_value(); }
"""


def run(*command):
    done = subprocess.run(command, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT)
    assert done.returncode == 0, "%s:\n%s" % (
        " ".join(command), done.stdout.decode(errors="replace"))


def build(source, directory, prefix):
    # In haste: what is tested is that it fits together.
    run("cmake", "-S", source, "-B", directory, "-G", "Ninja",
        "-DCMAKE_PREFIX_PATH=" + prefix, "-DCMAKE_CXX_FLAGS=-O0")
    run("cmake", "--build", directory, "--parallel", "2")


class Installed(unittest.TestCase):
    """What is installed, and what can be built with it."""

    @classmethod
    def setUpClass(cls):
        cls.directory = tempfile.mkdtemp(prefix="latchkey-e2e.")
        cls.addClassCleanup(shutil.rmtree, cls.directory)
        cls.prefix = os.path.join(cls.directory, "prefix")
        run("cmake", "--install", BUILD, "--prefix", cls.prefix,
            "--component", "latchkey-dev")
        cls.include = os.path.join(cls.prefix, "include", "latchkey")

    def headers(self):
        for folder, _, names in os.walk(self.include):
            for name in names:
                yield os.path.relpath(os.path.join(folder, name), self.include)

    def test_what_headers_include_is_installed_too(self):
        installed = set(self.headers())
        self.assertIn("client/server_guard.h", installed)
        self.assertIn("latchkey/v1/auth.pb.h", installed)
        for path in installed:
            with open(os.path.join(self.include, path)) as file:
                included = re.findall(r'#include "((?:client|latchkey)/[^"]+)"',
                                      file.read())
            self.assertEqual(set(included) - installed, set(), path)

    def test_what_is_nobodys_business_is_not_installed(self):
        installed = set(self.headers())
        self.assertNotIn("client/guard_interceptor.h", installed)
        self.assertFalse([path for path in installed if "internal" in path])
        self.assertFalse(os.path.exists(os.path.join(self.prefix, "bin")))

    def test_the_programs_are_a_component_of_their_own(self):
        prefix = os.path.join(self.directory, "programs")
        run("cmake", "--install", BUILD, "--prefix", prefix, "--component",
            "latchkey")
        self.assertEqual(sorted(os.listdir(prefix)), ["bin"])
        self.assertEqual(sorted(os.listdir(os.path.join(prefix, "bin"))),
                         ["latchkey", "latchkey-agent", "latchkeyd"])

    def test_the_verifier_needs_no_grpc(self):
        source = os.path.join(self.directory, "verify_only")
        os.mkdir(source)
        for name, text in (("CMakeLists.txt", VERIFY_ONLY),
                           ("main.cc", VERIFY_ONLY_MAIN)):
            with open(os.path.join(source, name), "w") as file:
                file.write(text)
        build(source, os.path.join(source, "build"), self.prefix)
        run(os.path.join(source, "build", "verify_only"))


class Shop(harness.DaemonTest):
    """Orders calls Inventory; both follow one latchkeyd."""

    # A lease that outlives whatever a busy machine does in between.
    SETTINGS = ("--issuer", ISSUER, "--lease_ttl", "10s")

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.directory = tempfile.mkdtemp(prefix="latchkey-e2e.")
        cls.addClassCleanup(shutil.rmtree, cls.directory)
        source = os.path.join(cls.directory, "shop")
        shutil.copytree(os.path.join(harness.SOURCE, "client/examples"), source)
        prefix = os.path.join(cls.directory, "prefix")
        run("cmake", "--install", BUILD, "--prefix", prefix, "--component",
            "latchkey-dev")
        cls.built = os.path.join(cls.directory, "built")
        build(source, cls.built, prefix)
        run(sys.executable, "-m", "grpc_tools.protoc", "-I", source,
            "--python_out=" + cls.directory,
            "--grpc_python_out=" + cls.directory, "shop.proto")
        sys.path.insert(0, cls.directory)
        cls.secret = os.path.join(cls.directory, "secret")
        with open(cls.secret, "w") as file:
            file.write(cls.daemon.create_service("orders", roles=["stock"]))
        import shop_pb2
        import shop_pb2_grpc
        cls.shop_pb2, cls.shop_pb2_grpc = shop_pb2, shop_pb2_grpc
        cls.orders, cls.inventory = cls.run_shop(
            "shop", cls.daemon.address, cls.addClassCleanup)

    @classmethod
    def run_shop(cls, name, latchkey, add_cleanup):
        """Starts both, Inventory by way of `latchkey`, and returns what calls
        them."""
        inventory, orders = ("unix:" + os.path.join(cls.directory, name + kind)
                             for kind in (".inventory", ".orders"))
        cls.start(add_cleanup, "inventory", latchkey, inventory, ISSUER)
        cls.start(add_cleanup, "orders", cls.daemon.address, orders, ISSUER,
                  inventory, cls.secret)
        channels = [grpc.insecure_channel(to) for to in (orders, inventory)]
        for channel in channels:
            add_cleanup(channel.close)
        return (cls.shop_pb2_grpc.OrdersStub(channels[0]).Place,
                cls.shop_pb2_grpc.InventoryStub(channels[1]).Reserve)

    @classmethod
    def start(cls, add_cleanup, name, *arguments):
        process = subprocess.Popen(
            ["setpriv", "--pdeathsig", "KILL", os.path.join(cls.built, name),
             *arguments], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE)
        add_cleanup(process.stdout.close)
        add_cleanup(process.wait)
        add_cleanup(process.kill)
        assert process.stdout.readline() == b"ready\n", name

    def call(self, method, request, credential, revision=None):
        metadata = (("authorization", "Bearer " + credential),
                    ) if credential else ()
        if revision:
            metadata += (("latchkey-revision", revision.token),)
        return method(request, metadata=metadata,
                      timeout=harness.CALL_TIMEOUT_SECONDS)

    def place(self, credential):
        return self.call(self.orders, self.shop_pb2.PlaceRequest(item="lamp"),
                         credential)

    def assertShopRefuses(self, code, reason, method, request, credential):
        with self.assertRaises(grpc.RpcError) as caught:
            self.call(method, request, credential)
        details = harness.Details(caught.exception)
        self.assertEqual((details.code, details.reason), (code, reason))

    def assertOrdersRefuses(self, code, reason, credential):
        self.assertShopRefuses(code, reason, self.orders,
                               self.shop_pb2.PlaceRequest(item="lamp"),
                               credential)

    def customer(self, credential_format, roles=("customer",), **fields):
        name = "c" + secrets.token_hex(8)
        password = self.daemon.create_account(name, roles=list(roles))
        return name, self.daemon.login(name, password, credential_format,
                                       **fields).credential

    def test_a_good_credential_goes_through_both(self):
        for credential_format in (harness.OPAQUE, harness.JWT):
            name, credential = self.customer(credential_format)
            answer = self.place(credential)
            self.assertEqual(answer.customer, name)
            self.assertEqual(answer.reserved_by, "orders")

    def test_without_a_credential_nothing_is_done(self):
        for credential in ("", "no-such-credential"):
            self.assertOrdersRefuses(grpc.StatusCode.UNAUTHENTICATED,
                                     "CALLER_REFUSED", credential)

    def test_without_the_role_nothing_is_done(self):
        _, stranger = self.customer(harness.JWT, roles=["press"])
        self.assertOrdersRefuses(grpc.StatusCode.PERMISSION_DENIED,
                                 "NOT_PERMITTED", stranger)
        # What Orders may at Inventory, its customers may not.
        _, customer = self.customer(harness.JWT)
        self.assertShopRefuses(
            grpc.StatusCode.PERMISSION_DENIED, "NOT_PERMITTED", self.inventory,
            self.shop_pb2.ReserveRequest(item="lamp"), customer)

    def test_a_credential_for_others_is_refused(self):
        for credential_format in (harness.OPAQUE, harness.JWT):
            _, elsewhere = self.customer(credential_format,
                                         audiences=["billing"])
            self.assertOrdersRefuses(grpc.StatusCode.UNAUTHENTICATED,
                                     "CALLER_REFUSED", elsewhere)
            name, here = self.customer(credential_format, audiences=["orders"])
            self.assertEqual(self.place(here).customer, name)

    def test_what_a_logout_caused_meets_nobody_who_does_not_know_of_it(self):
        between = relay.Relay(self.daemon.address)
        self.addCleanup(between.close)
        orders, _ = self.run_shop("behind", between.address, self.addCleanup)
        request = self.shop_pb2.PlaceRequest(item="lamp")
        _, customer = self.customer(harness.JWT)
        mine = set(self.sessions_of_orders())
        self.assertEqual(self.call(orders, request, customer).reserved_by,
                         "orders")
        # The one that it has just logged in with is ended, and Inventory cannot
        # hear of it. It need not: nobody waited for it, and its lease runs.
        session, = set(self.sessions_of_orders()) - mine
        between.hold([relay.Relay.BACK])
        revision = self.daemon.private.sessions.RevokeSession(
            session_service_pb2.RevokeSessionRequest(name=session),
            timeout=harness.CALL_TIMEOUT_SECONDS).revision
        self.assertEqual(self.call(orders, request, customer).reserved_by,
                         "orders")
        # But who knows of it is served by nobody who does not: Orders, which
        # knows, hands on what it was told, and Inventory cannot find out.
        for _ in range(2):
            with self.assertRaises(grpc.RpcError) as caught:
                self.call(orders, request, customer, revision)
            self.assertEqual(caught.exception.details(), "not reserved")
            between.release()  # now it can: refused all the same

    def sessions_of_orders(self):
        return [session.name for session in self.daemon.list_sessions("orders")]

    def test_after_logout_it_is_refused_everywhere(self):
        for credential_format in (harness.OPAQUE, harness.JWT):
            _, credential = self.customer(credential_format)
            self.place(credential)
            report = self.daemon.logout(credential, wait=VERIFIERS).propagation
            self.assertTrue(report.complete)
            self.assertEqual(report.acknowledged, 2)  # Orders and Inventory
            self.assertOrdersRefuses(grpc.StatusCode.UNAUTHENTICATED,
                                     "CALLER_REFUSED", credential)


if __name__ == "__main__":
    unittest.main()
