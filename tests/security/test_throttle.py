"""Login throttling: repeated failures wait longer and longer, but no user is locked out for long."""

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest
from django.contrib.auth.models import User
from django.db import connection, transaction
from django.test import Client
from hypothesis import given
from hypothesis import strategies as st

from events.accounts import logins
from events.accounts.logins import LoginAttempt
from tests.conftest import SetClock
from tests.faults.stack import eventually

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
LOGIN = "/admin/login/"


def fail(times: int, name: str = "alice", address: str = "a1", at: datetime = NOON) -> int:
    """Make failing attempts, and return the seconds that the last one has to wait."""
    return [logins.count_login(name, address, at) for _ in range(times)][-1]


def test_after_five_failures_the_wait_doubles(db: None) -> None:
    assert fail(5) == 0
    assert fail(1) == 1
    at = NOON + timedelta(seconds=1)
    assert fail(1, at=at) == 0
    assert fail(1, at=at) == 2


def test_attempts_during_the_wait_are_not_counted(db: None) -> None:
    fail(50)
    assert {row.failures for row in LoginAttempt.objects.all()} == {5}


def test_failures_are_forgotten_after_an_hour_without_attempts(db: None) -> None:
    fail(6)
    assert fail(5, at=NOON + timedelta(hours=1, seconds=1)) == 0


def test_a_success_resets_the_failures(db: None) -> None:
    fail(4)
    logins.login_succeeded("alice", "a1", NOON)
    assert fail(5) == 0


def test_own_successes_do_not_allow_more_guesses_at_other_accounts(db: None) -> None:
    for number in range(50):
        logins.count_login(f"victim {number}", "a1", NOON)
        if logins.count_login("mallory", "a1", NOON) == 0:
            logins.login_succeeded("mallory", "a1", NOON)
    assert logins.count_login("victim 50", "a1", NOON) > 0


def test_failures_from_many_addresses_do_not_delay_a_known_address(db: None) -> None:
    logins.count_login("alice", "home", NOON)
    logins.login_succeeded("alice", "home", NOON)
    for number in range(25):
        logins.count_login("alice", f"attacker {number}", NOON)
    assert logins.count_login("alice", "attacker 99", NOON) > 0
    assert logins.count_login("alice", "home", NOON) == 0


@given(st.integers(0, 10**9))
def test_no_wait_exceeds_15_minutes(failures: int) -> None:
    assert all(0 <= rule.wait(failures) <= 900 for rule in logins.RULES.values())


def test_a_clock_set_back_does_not_prolong_the_wait(db: None) -> None:
    fail(10, at=NOON + timedelta(days=3650))
    assert fail(1) <= 900


def test_neither_names_nor_addresses_are_stored(db: None) -> None:
    fail(1)
    assert not any("alice" in str(row) or str(row["key"]) == "a1" for row in LoginAttempt.objects.values())


@pytest.mark.usefixtures("db")
def test_the_login_does_not_reveal_whether_an_account_exists(client: Client, set_clock: SetClock) -> None:
    set_clock(NOON)
    User.objects.create_user("alice", password="right one 4711", is_staff=True)
    pages = {}
    for name in ("alice", "nobody"):
        client.cookies.clear()
        answers = [client.post(LOGIN, {"username": name, "password": "wrong"}) for _ in range(6)]
        html = answers[0].content.decode(), answers[5].content.decode()
        assert "Please enter the correct username and password" in html[0]
        assert "Too many failed logins. Try again in 1 second." in html[1]
        pages[name] = [answer.status_code for answer in answers]
    assert pages["alice"] == pages["nobody"]


@pytest.mark.usefixtures("db")
def test_the_right_password_is_refused_during_the_wait(client: Client, set_clock: SetClock) -> None:
    set_clock(NOON)
    User.objects.create_user("alice", password="right one 4711", is_staff=True)
    for _ in range(5):
        client.post(LOGIN, {"username": "alice", "password": "wrong"})
    right = {"username": "alice", "password": "right one 4711"}
    assert client.post(LOGIN, right).status_code == 200
    set_clock(NOON + timedelta(seconds=1))
    assert client.post(LOGIN, right).status_code == 302


def test_old_attempts_are_deleted(db: None) -> None:
    fail(1)
    logins.login_succeeded("bob", "a2", NOON + timedelta(hours=2))
    assert LoginAttempt.objects.count() == 3


@pytest.mark.django_db(transaction=True)
def test_a_login_survives_a_concurrent_cleanup() -> None:
    fail(1, at=NOON - timedelta(days=1))

    def log_in() -> int:
        try:
            return logins.count_login("alice", "a1", NOON)
        finally:
            connection.close()

    with ThreadPoolExecutor(1) as other, transaction.atomic():  # committed before joining the thread
        LoginAttempt.objects.all().delete()
        waited = other.submit(log_in)
        eventually(_somebody_waits_for_a_row, 30, "a login waits for the old rows")
    assert waited.result(30) == 0
    assert LoginAttempt.objects.count() == 3


def _somebody_waits_for_a_row() -> bool:
    with connection.cursor() as cursor:
        cursor.execute("SELECT EXISTS (SELECT FROM pg_locks WHERE NOT granted)")
        return bool(cursor.fetchone()[0])


def test_an_attempt_during_the_wait_writes_no_row(db: None) -> None:
    for number in range(50):
        logins.count_login(f"name {number}", "a1", NOON)
    rows = LoginAttempt.objects.count()
    for number in range(50, 150):
        assert logins.count_login(f"name {number}", "a1", NOON) > 0
    assert LoginAttempt.objects.count() == rows


def test_an_ipv6_64_counts_as_one_address(db: None, client: Client) -> None:
    for number in range(60):
        client.post(
            LOGIN, {"username": f"n{number}", "password": "x"}, REMOTE_ADDR=f"2001:db8:0:1::{number + 1:x}"
        )
    answer = client.post(LOGIN, {"username": "more", "password": "x"}, REMOTE_ADDR="2001:db8:0:1:ffff::1")
    assert "Too many failed logins" in answer.content.decode()
    other = client.post(LOGIN, {"username": "more", "password": "x"}, REMOTE_ADDR="2001:db8:0:2::1")
    assert "Too many failed logins" not in other.content.decode()
