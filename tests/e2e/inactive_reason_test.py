"""Why a credential is not active: told to who may know, to nobody else."""

import unittest

import harness
from harness import account_pb2, auth_pb2

TIMEOUT = harness.CALL_TIMEOUT_SECONDS
UNTOLD = auth_pb2.INACTIVE_REASON_UNSPECIFIED


def bearer(credential):
    return (("authorization", "Bearer " + credential),)


class InactiveReasonTest:
    """The cases; classes below say over which server."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.tellers = {}
        for name in ("reader", "validator"):
            password = cls.daemon.create_account(name)
            cls.tellers[name] = bearer(
                cls.daemon.login(name, password).credential)

    def ask(self, stubs, metadata, credential, **fields):
        """Asks singly and in a batch, and returns the one answer."""
        request = auth_pb2.ValidateRequest(credential=credential, **fields)
        one = stubs.auth.Validate(request, timeout=TIMEOUT, metadata=metadata)
        batch = stubs.auth.BatchValidate(
            auth_pb2.BatchValidateRequest(requests=[request, request]),
            timeout=TIMEOUT, metadata=metadata)
        for other in batch.responses:
            self.assertEqual(other.active, one.active)
            self.assertEqual(other.inactive_reason, one.inactive_reason)
        return one

    def assertReason(self, reason, credential, **fields):
        """Those who may know are told `reason`, others nothing."""
        for stubs, metadata in (
                (self.daemon.private, ()),
                (self.daemon.public, self.tellers["reader"])):
            answer = self.ask(stubs, metadata, credential, **fields)
            self.assertFalse(answer.active)
            self.assertEqual(
                auth_pb2.InactiveReason.Name(answer.inactive_reason),
                "INACTIVE_REASON_" + reason)
        for metadata in self.others():
            answer = self.ask(self.daemon.public, metadata, credential,
                              **fields)
            self.assertFalse(answer.active)
            self.assertEqual(answer.inactive_reason, UNTOLD)
            self.assertEqual(
                {field.name for field, _ in answer.ListFields()}, {"revision"})

    def test_active_has_no_reason(self):
        password = self.daemon.create_account("active")
        for form in (harness.OPAQUE, harness.JWT):
            credential = self.daemon.login("active", password, form).credential
            for stubs, metadata in (
                    (self.daemon.private, ()),
                    (self.daemon.public, self.tellers["reader"])):
                answer = self.ask(stubs, metadata, credential)
                self.assertTrue(answer.active)
                self.assertEqual(answer.inactive_reason, UNTOLD)

    def test_unknown(self):
        for credential in ("", "x", "lks_" + "0" * 49, "a.b.c", "\u00e9"):
            self.assertReason("UNKNOWN", credential)

    def test_ended(self):
        password = self.daemon.create_account("ended")
        for form, reason in ((harness.OPAQUE, "UNKNOWN"),
                             (harness.JWT, "SESSION_ENDED")):
            credential = self.daemon.login("ended", password, form).credential
            self.daemon.logout(credential)
            self.assertReason(reason, credential)

    def test_account(self):
        for form in (harness.OPAQUE, harness.JWT):
            name = "account-%d" % form
            password = self.daemon.create_account(name)
            accounts = self.daemon.private.accounts
            resource = "accounts/" + name
            credential = self.daemon.login(name, password, form).credential
            accounts.DisableAccount(account_pb2.DisableAccountRequest(
                name=resource), timeout=TIMEOUT)
            self.assertReason("ACCOUNT_DISABLED", credential)
            accounts.EnableAccount(account_pb2.EnableAccountRequest(
                name=resource), timeout=TIMEOUT)
            self.assertReason("SESSION_ENDED", credential)
            credential = self.daemon.login(name, password, form).credential
            accounts.DeleteAccount(account_pb2.DeleteAccountRequest(
                name=resource), timeout=TIMEOUT)
            self.assertReason("ACCOUNT_DELETED", credential)

    def test_audience_and_age_of_the_proof(self):
        password = self.daemon.create_account("audience")
        for form in (harness.OPAQUE, harness.JWT):
            credential = self.daemon.login("audience", password, form,
                                           audiences=["billing"]).credential
            self.assertReason("AUDIENCE", credential)
            self.assertReason("AUDIENCE", credential, audience="mail")
            request = auth_pb2.ValidateRequest(audience="billing")
            request.max_auth_age.nanos = 1000
            self.assertReason("AUTH_TOO_OLD", credential, audience="billing",
                              max_auth_age=request.max_auth_age)


class Open(InactiveReasonTest, harness.DaemonTest):

    SETTINGS = ("--grant", "account:reader=reason")

    def others(self):
        return (), self.tellers["validator"], bearer("rubbish")


class Closed(InactiveReasonTest, harness.DaemonTest):

    SETTINGS = ("--open_validate=no", "--grant",
                "account:reader=reason,validator", "--grant",
                "account:validator=validator")

    def others(self):
        return (self.tellers["validator"],)


if __name__ == "__main__":
    unittest.main()
