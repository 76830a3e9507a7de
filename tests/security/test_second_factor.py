"""The second factor: setup, login, recovery codes, removal, and who must have one."""

import re
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django_otp.oath import totp
from django_otp.plugins.otp_totp.models import TOTPDevice

from events.accounts.audit import AuditEntry
from events.accounts.second_factor import CODES, RecoveryCode
from tests.admin.conftest import html_of, logged_in
from tests.factories import person
from tests.sending import Sender

PAGE = "/admin/second-factor/"
CHECK = f"{PAGE}check/"


def code_of(user: User, steps: int = 0) -> str:
    """Return the code that the person's app shows `steps` half minutes from now."""
    device = TOTPDevice.objects.get(user=user)
    return f"{totp(device.bin_key, t0=-30 * steps):06d}"


def set_up(client: Client, user: User) -> list[str]:
    """Set up a second factor and return its recovery codes."""
    assert "<svg" in html_of(client, PAGE)
    html = client.post(PAGE, {"code": code_of(user)}).content.decode()
    TOTPDevice.objects.update(last_t=-1)  # so that the test can use the same half minute's code again
    return re.findall(r"(?:[a-z2-9]{4}-){3}[a-z2-9]{4}", html)


@pytest.fixture
def olga(db: None) -> User:
    return person("olga", is_superuser=True)


def test_setup_needs_a_valid_code_and_shows_recovery_codes_once(olga: User) -> None:
    client = logged_in(olga)
    html_of(client, PAGE)
    wrong = f"{(int(code_of(olga)) + 1) % 1_000_000:06d}"
    assert "The code is wrong" in client.post(PAGE, {"code": wrong}).content.decode()
    assert not TOTPDevice.objects.filter(confirmed=True).exists()
    TOTPDevice.objects.update(throttling_failure_count=0)
    codes = set_up(client, olga)
    assert len(set(codes)) == CODES
    assert not any(row.hash in codes for row in RecoveryCode.objects.all())
    assert f"{CODES} recovery codes" in html_of(client, PAGE)
    assert codes[0] not in html_of(client, PAGE)
    assert html_of(client, "/admin/")


def test_setup_ends_only_the_persons_other_sessions(olga: User) -> None:
    here, elsewhere, dora = logged_in(olga), logged_in(olga), logged_in(person("dora", is_superuser=True))
    assert html_of(elsewhere, "/admin/")
    set_up(here, olga)
    assert elsewhere.get("/admin/").headers["Location"].startswith("/admin/login/")
    assert html_of(here, "/admin/")
    assert html_of(dora, "/admin/")
    assert AuditEntry.objects.get(action="factor.added").after == {"sessions_ended": 1}


def test_the_secret_stays_the_same_until_confirmed_and_is_then_hidden(olga: User) -> None:
    client = logged_in(olga)
    secrets = {re.search(r'id="totp-secret">([A-Z2-7 ]+)<', html_of(client, PAGE)) for _ in range(2)}
    (secret,) = {found[1] for found in secrets if found}
    set_up(client, olga)
    assert secret not in html_of(client, PAGE)


def test_after_login_nothing_is_accessible_without_the_code(olga: User) -> None:
    set_up(logged_in(olga), olga)
    client = logged_in(olga)
    for path in ("/admin/", "/admin/events/event/", PAGE):
        answer = client.get(path)
        assert answer.status_code == 302, path
        assert answer.headers["Location"].startswith(CHECK), path
    assert client.get("/api/v1/events/").status_code == 403
    answer = client.post(CHECK, {"code": code_of(olga), "next": "/admin/events/event/"})
    assert (answer.status_code, answer.headers["Location"]) == (302, "/admin/events/event/")
    assert client.get("/api/v1/events/").status_code == 200


def test_a_code_works_only_once(olga: User) -> None:
    set_up(logged_in(olga), olga)
    code = code_of(olga)
    assert logged_in(olga).post(CHECK, {"code": code}).status_code == 302
    assert logged_in(olga).post(CHECK, {"code": code}).status_code == 200


def test_a_recovery_code_works_once_in_any_spelling(olga: User) -> None:
    codes = set_up(logged_in(olga), olga)
    client = logged_in(olga)
    assert client.post(CHECK, {"code": codes[0].upper().replace("-", " ")}).status_code == 302
    assert html_of(client, "/admin/")
    assert logged_in(olga).post(CHECK, {"code": codes[0]}).status_code == 200
    assert AuditEntry.objects.filter(action="factor.recovered", actor_name="olga").count() == 1
    assert AuditEntry.objects.filter(action="factor.failed", actor_name="olga").count() == 1


def test_wrong_codes_delay_the_right_one_for_a_limited_time(olga: User) -> None:
    set_up(logged_in(olga), olga)
    client = logged_in(olga)
    client.post(CHECK, {"code": "000000"})
    assert client.post(CHECK, {"code": code_of(olga)}).status_code == 200
    TOTPDevice.objects.update(throttling_failure_count=500)
    client.post(CHECK, {"code": "000000"})
    device = TOTPDevice.objects.get()
    assert device.throttling_failure_count <= 10


def test_the_code_form_does_not_redirect_to_other_sites(olga: User) -> None:
    set_up(logged_in(olga), olga)
    for elsewhere in ("https://evil.example/", "//evil.example", "javascript:alert(1)"):
        TOTPDevice.objects.update(last_t=-1)
        answer = logged_in(olga).post(CHECK, {"code": code_of(olga), "next": elsewhere})
        assert answer.headers["Location"] == "/admin/", elsewhere


@pytest.mark.parametrize(
    ("setting", "operator", "member"),
    [("optional", 200, 200), ("operators", 302, 200), ("all", 302, 302)],
)
def test_the_setting_determines_who_must_have_a_second_factor(
    setting: str, operator: int, member: int, olga: User, settings: Any
) -> None:
    settings.SECOND_FACTOR = setting
    assert logged_in(olga).get("/admin/").status_code == operator
    assert logged_in(person("dora")).get("/admin/").status_code == member


def test_a_mandatory_second_factor_must_be_set_up_and_cannot_be_removed(olga: User, settings: Any) -> None:
    settings.SECOND_FACTOR = "operators"
    client = logged_in(olga)
    assert client.get("/admin/").headers["Location"].startswith(f"{PAGE}?next=")
    set_up(client, olga)
    assert html_of(client, "/admin/")
    answer = client.post(PAGE, {"code": code_of(olga), "remove": "1"})
    assert "must have a second factor" in answer.content.decode()
    assert TOTPDevice.objects.filter(confirmed=True).exists()


def test_an_optional_second_factor_can_be_removed_with_a_code(olga: User) -> None:
    client = logged_in(olga)
    set_up(client, olga)
    assert client.post(PAGE, {"code": "000000", "remove": "1"}).status_code == 200
    TOTPDevice.objects.update(throttling_failure_count=0)
    assert client.post(PAGE, {"code": code_of(olga), "remove": "1"}).status_code == 302
    assert not TOTPDevice.objects.exists()
    assert not RecoveryCode.objects.exists()
    assert html_of(logged_in(olga), "/admin/")


def test_another_operator_can_remove_a_second_factor(olga: User) -> None:
    dora = person("dora", is_superuser=True)
    set_up(logged_in(dora), dora)
    path = f"/admin/auth/user/{dora.pk}/change/"
    form = {"username": "dora", "is_active": "on", "is_staff": "on", "is_superuser": "on"}
    assert logged_in(olga).post(path, form | {"remove_second_factor": "on"}).status_code == 302
    assert not TOTPDevice.objects.filter(user=dora).exists()
    entry = AuditEntry.objects.get(action="factor.removed")
    assert (entry.actor_name, entry.about) == ("olga", "dora")
    assert html_of(logged_in(dora), "/admin/")


def test_operators_cannot_remove_their_own_without_a_code(olga: User) -> None:
    client = logged_in(olga)
    set_up(client, olga)
    path = f"/admin/auth/user/{olga.pk}/change/"
    assert "remove_second_factor" not in html_of(client, path)
    form = {"username": "olga", "is_active": "on", "is_staff": "on", "is_superuser": "on"}
    client.post(path, form | {"remove_second_factor": "on"})
    assert TOTPDevice.objects.filter(user=olga).exists()


def test_a_key_reads_the_api_without_a_second_factor(sender: Sender, settings: Any) -> None:
    settings.SECOND_FACTOR = "all"
    answer = sender.client.get("/api/v1/events/", headers={"Authorization": f"Bearer {sender.text}"})
    assert answer.status_code == 200


def test_second_factors_have_no_pages_in_the_admin(olga: User) -> None:
    assert logged_in(olga).get("/admin/otp_totp/totpdevice/").status_code == 404
