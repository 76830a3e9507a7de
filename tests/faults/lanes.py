"""Faults of lanes: mail, rollups and jobs are all blocked at once, while events must still be filed."""

import time
from collections.abc import Iterator
from contextlib import ExitStack

from tests.faults.holding import PATIENCE_SECONDS, locked, wait_for_statement
from tests.faults.registry import Scene, fault
from tests.faults.stack import WORKERS, eventually
from tests.mail.server import Box, serving
from tests.serving import HOST

SENDINGS = 5  # single requests timed while the lanes are blocked
HANGS_SECONDS = 10 * PATIENCE_SECONDS
PATIENT = dict.fromkeys(("DB_LOCK_TIMEOUT_MS", "DB_STATEMENT_TIMEOUT_MS"), f"{HANGS_SECONDS}000")
FOLD = 'DELETE FROM "rollups_events"'
REPLAY = "UPDATE ingestion_replayjob"
_MAIL = """
WITH address AS (
    INSERT INTO mail_address (address, failures, paused_why, unwanted)
    VALUES (%(to)s, 0, '', '[]') RETURNING id
)
INSERT INTO mail_sentmail (key, kind, about, address_id, "to", subject, state, answer, message, attempts,
                           claimed_at, next_at, changed_at)
SELECT %(to)s, 'budget', '', id, %(to)s, 'Held', 'claimed', '', 'Subject: Held', 0, now(), now(), now()
FROM address
"""


@fault
def worker_lane_blocked(scene: Scene) -> Iterator[None]:
    """Mail, rollups and jobs blocked by a silent mail server and by locks; events are filed meanwhile."""
    silent = Box(seconds={"RCPT": HANGS_SECONDS})
    with ExitStack() as blocked:
        blocked.enter_context(serving(silent))
        _start_again(scene, EMAIL_URL=f"smtp://{HOST}:{silent.port}", **PATIENT)
        blocked.callback(_start_again, scene)
        blocked.callback(scene.stack.execute, "DELETE FROM mail_sentmail")
        fold = blocked.enter_context(locked(scene, "rollups_events", "SHARE"))
        replay = blocked.enter_context(locked(scene, "ingestion_replayjob", "SHARE"))
        scene.stack.execute(_MAIL, {"to": f"{scene.traffic.maker.id()}@example.org"})
        with scene.stack.celery() as app:
            app.send_task("reports.mail", queue="mail")
        wait_for_statement(fold, FOLD)
        wait_for_statement(replay, REPLAY)
        eventually(lambda: bool(silent.asked), 2 * PATIENCE_SECONDS, "a mail that is being handed over")
        yield
        slowest = max(_seconds_to_store(scene) for _ in range(SENDINGS))
        scene.notes["stored beside blocked lanes"] = f"within {slowest:.2f} s"
        # All three are still blocked, so the events were stored while they were.
        wait_for_statement(fold, FOLD)
        wait_for_statement(replay, REPLAY)
        ((sending,),) = scene.stack.ask("SELECT count(*) FROM mail_sentmail WHERE state = 'sending'")
        assert sending, "the mail server has let go"


def _start_again(scene: Scene, **environment: str) -> None:
    for name in WORKERS:
        scene.stack.kill(name)
        scene.stack.start(name, **environment)


def _seconds_to_store(scene: Scene) -> float:
    """Return the seconds from sending an event until it is in its table."""
    request = scene.traffic.maker.emission()
    began = time.monotonic()
    scene.traffic.deliver(request)

    def stored() -> bool:
        found = scene.stack.ask(
            "SELECT count(*) FROM events_event WHERE client_event_id = ANY(%s)", [list(request.ids)]
        )
        return found == [(len(request.ids),)]

    eventually(stored, PATIENCE_SECONDS, "an event stored beside blocked lanes")
    return time.monotonic() - began
