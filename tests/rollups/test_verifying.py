"""verify_rollups passes after folding, and finds changed, lost and duplicated rows."""

from io import StringIO
from typing import Any

import pytest
from django.core.management import call_command
from django.core.management.base import CommandError
from django.db import connection

from events.identity import moment
from tests.rollups.recomputed import fold_due, rebuild
from tests.rollups.test_every_rollup import send_all
from tests.rollups.test_folding import logs
from tests.sending import MakeSender, Sender
from tests.sessions.stored import base_ms, file, summarise_due
from tests.wire import samples

pytestmark = pytest.mark.django_db(transaction=True)


def verified(*arguments: str, **options: Any) -> str:
    out = StringIO()
    call_command("verify_rollups", *arguments, stdout=out, **options)
    return out.getvalue()


def differing(*arguments: str, **options: Any) -> str:
    """Return the output of a failing verification, which exits with 1."""
    out = StringIO()
    with pytest.raises(CommandError, match="These rollups don't match their events and sessions: "):
        call_command("verify_rollups", *arguments, stdout=out, **options)
    return out.getvalue()


# Damage to rows, and the rollups and grains that then differ.
DAMAGE: dict[str, tuple[str, set[str]]] = {
    "a sum is off": (
        "UPDATE rollups_logs SET events = events + 1 WHERE grain = 1440",
        {"logs, a day"},
    ),
    "an hour is lost": (
        "DELETE FROM rollups_sessions WHERE grain = 60",
        {"sessions, an hour", "sessions, a day"},
    ),
    "quarters are lost": (
        "DELETE FROM rollups_searches WHERE grain = 15",
        {"searches, a quarter of an hour", "searches, an hour"},
    ),
    "rows are there twice": (
        "INSERT INTO rollups_heartbeats (owner_id, grain, bucket, source_id, version, country, events,"
        ' "first", latest) SELECT owner_id, grain, bucket, source_id, version, country, events, "first",'
        " latest FROM rollups_heartbeats WHERE grain = 1440",
        {"heartbeats, a day"},
    ),
    "a set lacks members": (
        "UPDATE rollups_actives SET members = members[2:] WHERE grain = 1440",
        {"actives, a day"},
    ),
}


def test_verification_passes_after_folding_and_finds_damage(sender: Sender) -> None:
    send_all(sender, samples.complete)
    send_all(sender, samples.minimal)
    fold_due()
    assert verified().startswith("Rollups agree: ")
    for what, (damage, expected) in DAMAGE.items():
        with connection.cursor() as cursor:
            cursor.execute(damage)
            assert cursor.rowcount, what
        said = differing().splitlines()
        assert {line.partition(":")[0] for line in said if not line.startswith(" ")} == expected, what
        rebuild()
    assert verified().startswith("Rollups agree: ")


def test_a_difference_shows_the_stored_and_the_expected_row(sender: Sender) -> None:
    file(sender, *logs(2))
    fold_due()
    with connection.cursor() as cursor:
        cursor.execute("UPDATE rollups_logs SET events = 7 WHERE grain = 1440")
    title, stored, recomputed = differing().splitlines()
    assert title == "logs, a day: 2"
    assert stored.startswith("  stored: ")
    assert "events 7" in stored
    assert recomputed.startswith("  recomputed: ")
    assert "events 2" in recomputed


def test_pending_quarters_are_left_out_and_mentioned(sender: Sender) -> None:
    file(sender, *logs(2))
    fold_due()
    file(sender, *logs(3))
    summarise_due()
    assert "Not compared: 1 pending quarters of an hour." in verified()
    fold_due()
    assert "Not compared" not in verified()


def test_verification_can_be_limited_to_an_owner_and_days(make_sender: MakeSender) -> None:
    ours, theirs = make_sender(owner="Ours"), make_sender(owner="Theirs")
    for each in (ours, theirs):
        file(each, *logs(1), *logs(1, after_ms=-86_400_000))
    fold_due()
    day = f"{moment(base_ms()):%Y-%m-%d}"
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE rollups_events SET events = 9 WHERE owner_id = %s AND bucket < %s",
            [theirs.key.default_owner_id, day],
        )
    assert "agree" in verified(owner="Ours")
    assert "agree" in verified(f"--since={day}")
    assert "events, an hour" not in differing(f"--until={day}", owner="Theirs")
    with pytest.raises(CommandError, match="There is no owner named 'Nobody'"):
        verified(owner="Nobody")
