"""Lists of events summarise each event in a line."""

from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from events.admin.event_page import LINES, READ, event_lines
from events.event import Event
from events.kinds import KINDS
from tests.admin.conftest import EVENTS, filed, html_of
from tests.sending import Sender, file_all, now_ms
from tests.wire import samples

SAYS: dict[str, str] = {
    "error": "E42: can&#x27;t read &#x27;pages&#x27; of undefined",
    "impression": "viewed course-detail",
    "interact": "TOUCH on play, page home",
    "log": "WARN: slow answer",
    "search": "searched “fractions”, 7 results",
    "start": "started session",
}
EDATA: dict[str, Any] = {
    "error": {"err": "E42", "errtype": "SYSTEM", "stacktrace": "can't read 'pages' of undefined\n  at pay()"},
    "impression": {"type": "view", "pageid": "course-detail", "uri": "/"},
    "interact": {"type": "TOUCH", "id": "play", "pageid": "home"},
    "log": {"type": "job", "level": "WARN", "message": "slow answer"},
    "search": {"type": "content", "query": "fractions", "size": 7, "topn": []},
    "start": {"type": "session"},
}


@pytest.mark.parametrize("kind", sorted(SAYS))
def test_the_list_summarises_an_event_of_each_kind(team_a: Sender, alice: Client, kind: str) -> None:
    filed(team_a, samples.complete(kind, ms=now_ms(), mid="1") | {"edata": EDATA[kind]})
    assert f">{SAYS[kind]}</span>" in html_of(alice, EVENTS)


def test_all_kinds_but_the_heartbeat_have_summaries_read_in_one_query(team_a: Sender) -> None:
    assert set(KINDS) - set(LINES) == {"heartbeat"}
    team_a.batch(*(samples.complete(kind, ms=now_ms(), mid=kind) for kind in samples.SUNBIRD))
    file_all()
    events = list(Event.objects.all())
    with CaptureQueriesContext(connection) as captured:
        found = event_lines(events)
    assert len(captured.captured_queries) == 1
    assert {event.kind for event in events if found.get(event.pk)} == set(samples.SUNBIRD) - {"heartbeat"}


def test_texts_in_summaries_are_escaped_and_truncated(team_a: Sender, alice: Client) -> None:
    message = "<script>alert(1)</script>" + "x" * 10_000
    event = filed(
        team_a,
        samples.complete("log", ms=now_ms(), mid="1")
        | {"edata": {"type": "job", "level": "INFO", "message": message}},
    )
    assert event_lines([event])[event.pk] == f"INFO: {message[:READ]}"
    assert "<script>alert" not in html_of(alice, EVENTS)


def test_an_event_without_its_kinds_row_has_no_summary(team_a: Sender, alice: Client) -> None:
    event = filed(team_a, samples.complete("log", ms=now_ms(), mid="1"))
    KINDS["log"].model._default_manager.all().delete()
    assert event_lines([event]) == {}
    assert 'class="tally-none"' in html_of(alice, EVENTS)
