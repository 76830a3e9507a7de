"""Password reset: a mailed link sets a new password, and the pages don't reveal who has an account."""

import re
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from django_otp.plugins.otp_totp.models import TOTPDevice

from events.accounts import passwords
from events.accounts.audit import AuditEntry
from reports.mail import delivery
from reports.mail.models import SentMail
from tests.admin.conftest import html_of, logged_in
from tests.factories import person
from tests.mail.conftest import link_of, with_address
from tests.mail.server import Box

ASK = "/admin/password_reset/"
PASSWORD = "quite a long one 4711"
NEW = {"new_password1": PASSWORD, "new_password2": PASSWORD}


@pytest.fixture
def dora(db: None) -> User:
    user = with_address(person("dora"))
    user.set_password("the old one 4711")
    user.save()
    return user


def ask(email: str, client: Client | None = None) -> str:
    answer = (client or Client()).post(ASK, {"email": email}, follow=True).content.decode()
    passwords.send_links(timezone.now())
    return str(answer)


def link() -> str:
    return link_of(SentMail.objects.latest("pk"))


def set_new(client: Client, path: str) -> int:
    """Follow the link, which redirects to hide its token, and set a password."""
    form = client.get(path)
    return client.post(form["Location"], NEW).status_code if form.status_code == 302 else form.status_code


def test_a_link_by_mail_sets_a_new_password_once_and_ends_other_sessions(dora: User, box: Box) -> None:
    elsewhere = logged_in(dora)
    assert elsewhere.get("/admin/").status_code == 200
    ask("dora@example.org")
    assert delivery.deliver_due() == 1
    path, client = link(), Client()
    assert set_new(client, path) == 302
    assert not client.login(username="dora", password="the old one 4711")
    assert Client().login(username="dora", password=PASSWORD)
    assert elsewhere.get("/admin/").status_code == 302
    assert AuditEntry.objects.filter(action="person.password_reset").count() == 1
    assert set_new(Client(), path) == 200, "used"
    assert "This link can&#x27;t be used" in html_of(Client(), path)


def test_the_second_factor_is_still_required(dora: User) -> None:
    TOTPDevice.objects.create(user=dora, name="app", confirmed=True)
    ask("dora@example.org")
    client = Client()
    set_new(client, link())
    assert client.get("/admin/").status_code == 302, "a new password is no login"
    client.post("/admin/login/", {"username": "dora", "password": PASSWORD})
    assert "/second-factor/check/" in client.get("/admin/events/event/")["Location"]


def test_the_response_does_not_reveal_whether_an_account_exists(dora: User) -> None:
    answers = [
        re.sub(r"csrf\w+|value=\"\w{64}\"", "", ask(f"{name}@example.org")) for name in ("dora", "nobody")
    ]
    assert answers[0] == answers[1]
    assert SentMail.objects.count() == 1


def test_the_number_of_queries_does_not_reveal_whether_an_account_exists(dora: User) -> None:
    said = []
    for name in ("dora", "nobody"):
        with CaptureQueriesContext(connection) as queries:
            Client().post(ASK, {"email": f"{name}@example.org"})
        said.append([re.sub(r"'[^']*'|\b\d+\b|\"s\d+_x\d+\"", "?", query["sql"]) for query in queries])
    assert said[0] == said[1]
    assert not SentMail.objects.exists()


def test_an_inactive_account_gets_no_link(dora: User) -> None:
    User.objects.update(is_active=False)
    ask("dora@example.org")
    assert not SentMail.objects.exists()


@pytest.mark.parametrize("name", ["dora", "nobody"])
def test_requests_for_links_are_limited(name: str, dora: User) -> None:
    answers = [ask(f"{name}@example.org") for _ in range(6)]
    assert "Too many links were requested" not in answers[2]
    assert "Too many links were requested" in answers[5]
    assert SentMail.objects.count() <= 4


def test_the_login_page_links_to_the_reset(db: None) -> None:
    assert f'href="{ASK}"' in html_of(Client(), "/admin/login/")


def test_the_link_uses_base_url_and_not_the_requests_host(dora: User, settings: Any, box: Box) -> None:
    settings.ALLOWED_HOSTS = ["*"]
    Client().post(ASK, {"email": "dora@example.org"}, headers={"host": "evil.example"})
    passwords.send_links(timezone.now())
    delivery.deliver_due()
    ((_, message),) = box.taken
    assert b"https://tally.example/admin/reset/" in message.as_bytes().replace(b"=\n", b"")
    assert b"evil.example" not in message.as_bytes()
