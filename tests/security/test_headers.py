"""Cookies and content security policies of pages."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from django.contrib.auth.models import User
from django.core.checks import run_checks
from django.test import Client

from tests.admin.conftest import html_of

ROOT = Path(__file__).parents[2]
INLINE = ("<script>", " onclick=", " onload=", " onchange=", " onsubmit=", "javascript:")


@pytest.mark.parametrize("path", ["/api/v1/events/", "/api/docs/", "/livez", "/nowhere"])
def test_pages_outside_the_admin_allow_no_inline_scripts(path: str, client: Client, db: None) -> None:
    policy = client.get(path).headers["Content-Security-Policy"]
    assert "unsafe" not in policy
    assert "default-src 'self'" in policy
    assert "frame-ancestors 'none'" in policy


@pytest.mark.parametrize("path", ["/admin/", "/admin/events/event/", "/admin/second-factor/"])
def test_the_admin_loads_only_its_own_scripts_and_none_inline(path: str, operator: Client) -> None:
    policy = operator.get(path).headers["Content-Security-Policy"]
    scripts = next(part for part in policy.split("; ") if part.startswith("script-src"))
    assert scripts == "script-src 'self' 'unsafe-eval'"
    html = html_of(operator, path)
    assert [each for each in INLINE if each in html] == []


def test_cookies_are_httponly_and_samesite(client: Client, db: None) -> None:
    User.objects.create_user("dora", password="right one 4711", is_staff=True)
    client.get("/admin/login/")
    client.post("/admin/login/", {"username": "dora", "password": "right one 4711"})
    for name in ("sessionid", "csrftoken"):
        cookie = client.cookies[name]
        assert (cookie["httponly"], cookie["samesite"]) == (True, "Lax"), name
    assert client.cookies["sessionid"]["max-age"] == 12 * 3600


@pytest.mark.slow
def test_with_https_cookies_are_secure_and_operators_need_a_second_factor() -> None:
    names = (
        *("SESSION_COOKIE_SECURE", "CSRF_COOKIE_SECURE", "SESSION_COOKIE_NAME", "CSRF_COOKIE_NAME"),
        *("SECURE_HSTS_SECONDS", "SECOND_FACTOR"),
    )
    said = f"json.dumps([getattr(settings, name) for name in {names}])"
    script = f"import json; from telemetry_project import settings; print({said})"
    done = subprocess.run(
        [sys.executable, "-c", script],
        env={**os.environ, "HTTPS": "1"},
        cwd=ROOT,
        capture_output=True,
        check=True,
        text=True,
    )
    assert json.loads(done.stdout) == [True, True, "__Host-session", "__Host-csrf", 31_536_000, "operators"]


def test_an_invalid_second_factor_setting_is_reported_at_startup(settings: object) -> None:
    settings.SECOND_FACTOR = "sometimes"  # type: ignore[attr-defined]  # pytest-django's
    assert "accounts.E001" in {each.id for each in run_checks()}
