"""Who may call what: every RPC by every kind of caller, through the real
server; and that no other spelling of a method's path gets around it."""

import glob
import os
import re
import unittest

import grpc
import harness
from harness import auth_pb2
from admission_test import methods

TIMEOUT = harness.CALL_TIMEOUT_SECONDS

# What each RPC needs. One that is missing here is refused to all but the
# operator, and this test fails until it has a row.
ANYONE, VALIDATOR, ADMIN = "anyone", "permission validator", "permission admin"
NEEDS = {
    "Login": ANYONE, "Refresh": ANYONE, "Logout": ANYONE, "GetJwks": ANYONE,
    "Validate": VALIDATOR, "BatchValidate": VALIDATOR,
    "GetSession": ADMIN, "ListSessions": ADMIN, "RevokeSession": ADMIN,
    "CreateAccount": ADMIN, "GetAccount": ADMIN, "ListAccounts": ADMIN,
    "UpdateAccount": ADMIN, "DisableAccount": ADMIN, "EnableAccount": ADMIN,
    "DeleteAccount": ADMIN, "SetPassword": ADMIN,
    "AddClientSecret": ADMIN, "ListClientSecrets": ADMIN,
    "RemoveClientSecret": ADMIN, "SetJwks": ADMIN,
    "SetCertificateNames": ADMIN,
    "ListKeys": ADMIN, "RotateKey": ADMIN, "RevokeKey": ADMIN,
    "GetServerInfo": ADMIN, "WatchRevocations": VALIDATOR,
}

NO_MESSAGE = b"\xff\xff"  # whoever gets so far as to have it read is let in

GRANTS = ("--grant", "account:v=validator", "--grant", "account:a=admin",
          "--grant", "account:r=reason,validator",
          "--grant", "account:o=on_behalf")
# What the accounts of these names have.
HAS = {"v": {VALIDATOR}, "a": {ADMIN}, "r": {VALIDATOR}, "o": set(),
       "nobody": set()}


def bearer(credential):
    return (("authorization", "Bearer " + credential),)


class Contract(unittest.TestCase):

    def test_each_comment_says_what_the_table_says(self):
        said = {}
        for path in glob.glob(
                os.path.join(harness.SOURCE, "proto/latchkey/v1/*.proto")):
            with open(path, encoding="utf-8") as file:
                text = file.read()
            for comment, name in re.findall(
                    r"((?:^  //.*\n)+)  rpc (\w+)\(", text, re.MULTILINE):
                said[name] = " ".join(comment.replace("//", "").split())
            self.assertEqual(len(re.findall(r"\brpc \w+\(", text)),
                             len(re.findall(r"\n  //.*\n  rpc ", text)), path)
        self.assertEqual(set(said), set(NEEDS))
        self.assertEqual(set(NEEDS), {name for name, _ in methods()})
        for name, comment in said.items():
            with self.subTest(method=name):
                who = comment.partition("Who may call: ")[2]
                if name in ("BatchValidate", "WatchRevocations"):
                    self.assertTrue(who.startswith("as Validate."), who)
                elif name == "Logout":
                    self.assertRegex(who, "by credential anyone.*by session "
                                          "name permission admin")
                else:
                    self.assertRegex(who, "^%s[.;]" % NEEDS[name])


class Table:
    """Of a test: calls every RPC as one caller, and compares with the table."""

    def reason(self, stubs, path, metadata=()):
        """Returns the reason for which a call without a message fails."""
        with self.assertRaises(grpc.RpcError) as caught:
            stubs.channel.unary_unary(path)(
                NO_MESSAGE, timeout=TIMEOUT, metadata=metadata)
        return harness.Details(caught.exception).reason

    def assertTable(self, has, stubs, metadata=(), refusal="NOT_PERMITTED"):
        for name, path in methods():
            may = NEEDS[name] == ANYONE or NEEDS[name] in has
            with self.subTest(method=name):
                self.assertEqual(self.reason(stubs, path, metadata),
                                 "INVALID_FIELD" if may else refusal)


class TableTest(harness.DaemonTest, Table):
    """With callers that have accounts."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.credentials = {}
        for name in HAS:
            secret = cls.daemon.create_service(name)
            cls.credentials[name] = [
                cls.daemon.login_service(name, secret, form).credential
                for form in (harness.OPAQUE, harness.JWT)]


class OpenOnLoopback(TableTest):
    """The default: plaintext on loopback, Validate open, nothing granted."""

    def test_anyone_may_validate_and_nothing_more(self):
        self.assertTable({VALIDATOR}, self.daemon.public)

    def test_the_operator_may_do_all(self):
        self.assertTable({VALIDATOR, ADMIN}, self.daemon.private)

    def test_without_grants_a_credential_changes_nothing(self):
        for credential in self.credentials["a"] + ["rubbish"]:
            self.assertTable({VALIDATOR}, self.daemon.public,
                             bearer(credential))


class OpenWithGrants(TableTest):

    SETTINGS = GRANTS

    def test_a_bad_header_is_ignored_where_no_permission_is_needed(self):
        self.assertTable({VALIDATOR}, self.daemon.public, bearer("rubbish"),
                         "CALLER_REFUSED")

    def test_an_account_has_its_own_and_what_anyone_has(self):
        for name, has in HAS.items():
            for credential in self.credentials[name]:
                self.assertTable(has | {VALIDATOR}, self.daemon.public,
                                 bearer(credential))


class Closed(TableTest):

    SETTINGS = GRANTS + ("--open_validate", "no")

    def test_nobody_may_only_what_anyone_may(self):
        self.assertTable(set(), self.daemon.public)

    def test_the_operator_may_do_all(self):
        self.assertTable({VALIDATOR, ADMIN}, self.daemon.private)
        self.assertTable({VALIDATOR, ADMIN}, self.daemon.private,
                         bearer("rubbish"))

    def test_each_account_may_what_it_was_granted(self):
        for name, has in HAS.items():
            for credential in self.credentials[name]:
                with self.subTest(account=name):
                    self.assertTable(has, self.daemon.public,
                                     bearer(credential))

    def test_what_is_presented_must_be_good(self):
        good = self.credentials["a"][0]
        secret = self.daemon.create_service("elsewhere")
        person = self.daemon.create_account("person")
        for headers in (
                bearer("rubbish"), bearer(""), bearer(good + " "),
                bearer(good)[:1] * 2, (("authorization", good),),
                (("authorization", "Basic " + good),),
                bearer(secret),
                bearer(self.daemon.login("person", person).credential),
                bearer(self.daemon.login_service(
                    "elsewhere", secret, harness.JWT).refresh_credential)):
            with self.subTest(headers=len(headers)):
                self.assertTable(set(), self.daemon.public, headers,
                                 "CALLER_REFUSED")

    def test_an_ended_credential_is_refused_at_once(self):
        secret = self.daemon.create_service("short")
        # The same account name is granted nothing: being known is enough to
        # tell a live credential from a dead one.
        login = self.daemon.login_service("short", secret)
        path = "/latchkey.v1.KeyService/ListKeys"
        self.assertEqual(
            self.reason(self.daemon.public, path, bearer(login.credential)),
            "NOT_PERMITTED")
        self.daemon.logout(login.credential)
        self.assertEqual(
            self.reason(self.daemon.public, path, bearer(login.credential)),
            "CALLER_REFUSED")

    def test_a_session_made_for_others_does_not_open_this_door(self):
        secret = self.daemon.create_service("aud")
        issuer = self.daemon.private.admin.GetServerInfo(
            harness.admin_pb2.GetServerInfoRequest(), timeout=TIMEOUT).issuer
        for audiences, reason in ((["billing"], "CALLER_REFUSED"),
                                  (["billing", issuer], "NOT_PERMITTED")):
            login = self.daemon.login_service("aud", secret,
                                              audiences=audiences)
            self.assertEqual(
                self.reason(self.daemon.public,
                             "/latchkey.v1.KeyService/ListKeys",
                             bearer(login.credential)), reason)

    def test_logout_by_name_is_administration(self):
        password = self.daemon.create_account("victim")
        session = self.daemon.login("victim", password).session.name
        logout = self.daemon.public.auth.Logout
        request = auth_pb2.LogoutRequest(session=session)
        self.assertRefused(grpc.StatusCode.PERMISSION_DENIED, "NOT_PERMITTED",
                           logout, request)
        self.assertRefused(
            grpc.StatusCode.PERMISSION_DENIED, "NOT_PERMITTED", logout,
            request, metadata=bearer(self.credentials["v"][0]))
        self.assertRefused(
            grpc.StatusCode.UNAUTHENTICATED, "CALLER_REFUSED", logout,
            request, metadata=bearer("rubbish"))
        self.assertEqual(len(self.daemon.list_sessions("victim")), 1)
        self.assertEqual(logout(
            request, timeout=TIMEOUT,
            metadata=bearer(self.credentials["a"][0])).ended_count, 1)

    def test_a_holder_logs_out_whatever_is_in_the_header(self):
        password = self.daemon.create_account("holder")
        credential = self.daemon.login("holder", password).credential
        self.assertEqual(self.daemon.public.auth.Logout(
            auth_pb2.LogoutRequest(credential=credential), timeout=TIMEOUT,
            metadata=bearer("rubbish")).ended_count, 1)

    def test_after_a_restart_a_caller_is_found_on_disk(self):
        self.daemon.restart()
        for name, has in HAS.items():
            for credential in self.credentials[name]:
                self.assertTable(has, self.daemon.public, bearer(credential))

    def test_other_spellings_of_a_path_reach_nothing(self):
        for service, name in (("AuthService", "Login"),
                              ("AuthService", "Validate"),
                              ("KeyService", "ListKeys"),
                              ("AccountService", "DeleteAccount")):
            package = "latchkey.v1." + service
            for path in ("%s/%s" % (package, name),
                         "//%s/%s" % (package, name),
                         "/%s//%s" % (package, name),
                         "/%s/%s/" % (package, name),
                         "/%s/%s" % (package.lower(), name),
                         "/%s/%s" % (package, name.lower()),
                         "/%s/%s" % (package.upper(), name.upper()),
                         "/%s%%2F%s" % (package, name),
                         "%%2F%s/%s" % (package, name),
                         "/%s/./%s" % (package, name),
                         "/%s/../%s/%s" % (package, package, name),
                         "/%s/%s?x" % (package, name),
                         "/%s/%s#x" % (package, name),
                         "/%s/%s%%00" % (package, name),
                         "/%s/%s " % (package, name),
                         "/%s.%s" % (package, name),
                         "/%s/%s" % (service, name),
                         "/%s/" % package, "/" + name, "/", ""):
                for stubs in (self.daemon.public, self.daemon.private):
                    with self.subTest(path=path), \
                            self.assertRaises(grpc.RpcError) as caught:
                        stubs.channel.unary_unary(path)(
                            b"", timeout=TIMEOUT,
                            metadata=bearer(self.credentials["a"][0]))
                    error = caught.exception
                    self.assertEqual(error.code(),
                                     grpc.StatusCode.UNIMPLEMENTED, path)
                    self.assertIsNone(harness.Details(error).reason, path)


if __name__ == "__main__":
    unittest.main()
