"""Login, Validate, Refresh and Logout, as a service in Python makes them."""

import base64
import json
import unittest

import grpc
import harness
from harness import (JWT, account_pb2, auth_pb2, key_pb2, session_pb2,
                     session_service_pb2)

TIMEOUT = harness.CALL_TIMEOUT_SECONDS


def read_revision(token):
    raw = base64.urlsafe_b64decode(token)
    return raw[:16], int.from_bytes(raw[16:], "big")


def revision(epoch, number):
    return base64.urlsafe_b64encode(
        epoch + number.to_bytes(8, "big")).decode()


def claims_of(token):
    payload = token.split(".")[1]
    return json.loads(base64.urlsafe_b64decode(payload + "=" * 3))


class RoundTrip(harness.DaemonTest):

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.password = cls.daemon.create_account("alice", roles=["b", "a"])

    def test_an_opaque_credential_is_good_until_logout(self):
        login = self.daemon.login("alice", self.password)
        self.assertRegex(login.credential, r"\Alks_[0-9A-Za-z]{49}\Z")
        self.assertEqual(login.refresh_credential, "")
        self.assertRegex(login.session.name,
                         r"\Aaccounts/alice/sessions/[0-9a-f]{32}\Z")
        answer = self.daemon.validate(login.credential)
        self.assertTrue(answer.active)
        self.assertEqual(answer.session.name, login.session.name)
        self.assertEqual(answer.session.account, "accounts/alice")
        self.assertEqual(list(answer.session.roles), ["a", "b"])
        self.assertEqual(list(answer.session.amr), ["pwd"])
        self.assertEqual(self.daemon.logout(login.credential).ended_count, 1)
        ended = self.daemon.validate(login.credential)
        self.assertFalse(ended.active)
        self.assertFalse(ended.HasField("session"))
        self.assertFalse(ended.HasField("expire_time"))
        self.assertNotEqual(ended.revision.token, "")
        self.assertEqual(self.daemon.logout(login.credential).ended_count, 0)

    def test_a_jwt_is_refreshed_and_ends_with_its_session(self):
        login = self.daemon.login("alice", self.password, JWT)
        claims = claims_of(login.credential)
        self.assertEqual(claims["account"], "alice")
        self.assertEqual("accounts/alice/sessions/" + claims["sid"],
                         login.session.name)
        self.assertEqual(claims["exp"], login.expire_time.seconds)
        self.assertTrue(self.daemon.validate(login.credential).active)
        refreshed = self.daemon.public.auth.Refresh(
            auth_pb2.RefreshRequest(
                refresh_credential=login.refresh_credential), timeout=TIMEOUT)
        self.daemon.secrets.credential(refreshed.credential)
        self.assertEqual(refreshed.session.name, login.session.name)
        self.assertTrue(self.daemon.validate(refreshed.credential).active)
        self.assertNotEqual(refreshed.refresh_credential, "")
        self.daemon.logout(refreshed.credential)
        for credential in (login.credential, refreshed.credential):
            self.assertFalse(self.daemon.validate(credential).active)
        self.assertRefused(
            grpc.StatusCode.UNAUTHENTICATED, "REFRESH_REFUSED",
            self.daemon.public.auth.Refresh,
            auth_pb2.RefreshRequest(
                refresh_credential=refreshed.refresh_credential))

    def test_a_refresh_credential_validates_nothing_but_ends_its_session(self):
        login = self.daemon.login("alice", self.password, JWT)
        self.assertFalse(
            self.daemon.validate(login.refresh_credential).active)
        self.assertEqual(
            self.daemon.logout(login.refresh_credential).ended_count, 1)
        self.assertFalse(self.daemon.validate(login.credential).active)

    def test_a_session_id_is_no_credential(self):
        login = self.daemon.login("alice", self.password)
        session_id = login.session.name.rpartition("/")[2]
        for text in (session_id, login.session.name, "lks_" + session_id):
            self.assertFalse(self.daemon.validate(text).active)
            self.assertEqual(self.daemon.logout(text).ended_count, 0)
        self.assertTrue(self.daemon.validate(login.credential).active)

    def test_a_typing_error_is_inactive(self):
        credential = self.daemon.login("alice", self.password).credential
        for text in ("", "x", credential[:-1], credential + "0",
                     credential[:10] + credential[10:].swapcase(),
                     " " + credential, "LKS_" + credential[4:]):
            self.assertFalse(self.daemon.validate(text).active, text[:4])

    def test_audiences_bind_a_session(self):
        for form in (harness.OPAQUE, JWT):
            credential = self.daemon.login(
                "alice", self.password, form,
                audiences=["billing", "mail"]).credential
            for audience, active in (("billing", True), ("mail", True),
                                     ("", False), ("bill", False)):
                answer = self.daemon.validate(credential, audience=audience)
                self.assertEqual(answer.active, active, audience)

    def test_logout_scopes(self):
        password = self.daemon.create_account("scopes")
        first, second, third = (
            self.daemon.login("scopes", password).credential for _ in range(3))
        self.assertEqual(self.daemon.logout(
            first, scope=auth_pb2.LOGOUT_SCOPE_OTHER_SESSIONS).ended_count, 2)
        self.assertEqual(
            [self.daemon.validate(c).active for c in (first, second, third)],
            [True, False, False])
        # An ended credential has no say any more.
        self.assertEqual(self.daemon.logout(
            second, scope=auth_pb2.LOGOUT_SCOPE_ALL_SESSIONS).ended_count, 0)
        self.assertTrue(self.daemon.validate(first).active)
        self.assertEqual(self.daemon.logout(
            first, scope=auth_pb2.LOGOUT_SCOPE_ALL_SESSIONS).ended_count, 1)
        self.assertFalse(self.daemon.validate(first).active)

    def test_logout_by_name_is_administration(self):
        login = self.daemon.login("alice", self.password)
        request = auth_pb2.LogoutRequest(session=login.session.name)
        self.assertRefused(grpc.StatusCode.PERMISSION_DENIED, "NOT_PERMITTED",
                           self.daemon.public.auth.Logout, request)
        self.assertTrue(self.daemon.validate(login.credential).active)
        response = self.daemon.private.auth.Logout(request, timeout=TIMEOUT)
        self.assertEqual(response.ended_count, 1)
        self.assertFalse(self.daemon.validate(login.credential).active)

    def test_sessions_are_listed_in_pages_and_revoked(self):
        password = self.daemon.create_account("paged")
        names = sorted(self.daemon.login("paged", password).session.name
                       for _ in range(5))
        sessions = self.daemon.private.sessions
        listed, token = [], ""
        while True:
            page = sessions.ListSessions(
                session_service_pb2.ListSessionsRequest(
                    parent="accounts/paged", page_size=2, page_token=token),
                timeout=TIMEOUT)
            self.assertLessEqual(len(page.sessions), 2)
            listed += [s.name for s in page.sessions]
            token = page.next_page_token
            if not token:
                break
        self.assertEqual(listed, names)
        request = session_service_pb2.RevokeSessionRequest(name=names[0])
        self.assertTrue(sessions.RevokeSession(request,
                                               timeout=TIMEOUT).ended)
        self.assertFalse(sessions.RevokeSession(request,
                                                timeout=TIMEOUT).ended)
        self.assertEqual([s.name for s in self.daemon.list_sessions("paged")],
                         names[1:])

    def test_changes_of_an_account_end_its_sessions(self):
        accounts = self.daemon.private.accounts
        name = "accounts/changing"
        new_password = self.daemon.secrets.password("another long password")
        password = self.daemon.create_account("changing")
        changes = [
            (accounts.UpdateAccount, account_pb2.UpdateAccountRequest(
                name=name, roles=["r"])),
            (accounts.DisableAccount,
             account_pb2.DisableAccountRequest(name=name)),
            (accounts.SetPassword, account_pb2.SetPasswordRequest(
                name=name, password=new_password)),
            (accounts.DeleteAccount,
             account_pb2.DeleteAccountRequest(name=name)),
        ]
        for method, request in changes:
            opaque = self.daemon.login("changing", password).credential
            token = self.daemon.login("changing", password, JWT).credential
            method(request, timeout=TIMEOUT)
            self.assertFalse(self.daemon.validate(opaque).active, request)
            self.assertFalse(self.daemon.validate(token).active, request)
            if method is accounts.DisableAccount:
                accounts.EnableAccount(
                    account_pb2.EnableAccountRequest(name=name),
                    timeout=TIMEOUT)
                self.assertFalse(self.daemon.validate(opaque).active)
            if method is accounts.SetPassword:
                password = new_password

    def test_a_name_used_again_is_another_account(self):
        accounts = self.daemon.private.accounts
        password = self.daemon.create_account("again")
        credential = self.daemon.login("again", password).credential
        get = account_pb2.GetAccountRequest(name="accounts/again")
        uid = accounts.GetAccount(get, timeout=TIMEOUT).account.uid
        accounts.DeleteAccount(
            account_pb2.DeleteAccountRequest(name="accounts/again"),
            timeout=TIMEOUT)
        self.daemon.create_account("again", password)
        self.assertNotEqual(
            accounts.GetAccount(get, timeout=TIMEOUT).account.uid, uid)
        self.assertFalse(self.daemon.validate(credential).active)

    def test_max_auth_age_asks_for_a_recent_proof(self):
        credential = self.daemon.login("alice", self.password).credential
        for age, active in (({"seconds": 3600}, True), ({"nanos": 1000},
                                                        False)):
            answer = self.daemon.validate(credential, max_auth_age=age)
            self.assertEqual(answer.active, active)

    def test_a_revision_asks_for_an_answer_that_knows_of_it(self):
        login = self.daemon.login("alice", self.password)
        epoch, number = read_revision(login.revision.token)

        def ask(token, passive=False):
            return auth_pb2.ValidateRequest(
                credential=login.credential, passive=passive,
                at_least_as_fresh=session_pb2.Revision(token=token))

        validate = self.daemon.public.auth.Validate
        for token in (login.revision.token, revision(epoch, 0)):
            self.assertTrue(validate(ask(token), timeout=TIMEOUT).active)
        failed = grpc.StatusCode.FAILED_PRECONDITION
        malformed = grpc.StatusCode.INVALID_ARGUMENT
        for token, code, reason in (
                (revision(epoch, number + 1000), failed, "REVISION_AHEAD"),
                (revision(bytes(16), number), failed, "REVISION_EPOCH"),
                ("", malformed, "INVALID_FIELD"),
                (login.revision.token[:-1], malformed, "INVALID_FIELD")):
            self.assertRefused(code, reason, validate, ask(token))
            batch = auth_pb2.BatchValidateRequest(
                requests=[ask(login.revision.token), ask(token, True)])
            self.assertRefused(code, reason,
                               self.daemon.public.auth.BatchValidate, batch)
        ended = self.daemon.logout(login.credential).revision.token
        answer = validate(ask(ended), timeout=TIMEOUT)
        self.assertFalse(answer.active)
        self.assertGreaterEqual(read_revision(answer.revision.token),
                                read_revision(ended))

    def test_a_requested_life_is_clamped(self):
        for asked, given in ((1, 1), (600, 600),
                             (10**9, 30 * 24 * 3600)):
            session = self.daemon.login(
                "alice", self.password, requested_ttl={"seconds": asked}
            ).session
            self.assertEqual(
                session.expire_time.seconds - session.create_time.seconds,
                given)

    def test_all_comes_back_after_a_restart(self):
        opaque = self.daemon.login("alice", self.password)
        token = self.daemon.login("alice", self.password, JWT)
        ended = self.daemon.login("alice", self.password)
        self.daemon.logout(ended.credential)
        keys = self.daemon.public.keys.GetJwks(key_pb2.GetJwksRequest(),
                                               timeout=TIMEOUT).jwks
        self.daemon.restart()
        for login in (opaque, token):
            answer = self.daemon.validate(login.credential)
            self.assertTrue(answer.active)
            self.assertEqual(answer.session.name, login.session.name)
            self.assertEqual(answer.session.expire_time,
                             login.session.expire_time)
        self.assertFalse(self.daemon.validate(ended.credential).active)
        self.assertEqual(
            self.daemon.public.keys.GetJwks(key_pb2.GetJwksRequest(),
                                            timeout=TIMEOUT).jwks, keys)


if __name__ == "__main__":
    unittest.main()
