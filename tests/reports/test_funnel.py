"""The funnel counts sessions that did the steps in order, as a plain walk along their events does."""

from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from events.sessions.session import Session
from events.store.details import as_wire
from reports.figures import funnel as figures
from reports.figures.funnel import MOST, Funnel, Reached, Suggestion, funnel, how_far, steps_of, suggested
from reports.filters import Filters
from reports.pages.activity import funnel as page_block
from reports.pages.activity import sessions as page
from reports.pages.links import Links
from reports.pages.page import Context
from tests.admin.conftest import html_of
from tests.reports.lifelike import NOW, each_filter, of_module, question, this_week
from tests.reports.test_sessions import began
from tests.sending import Sender, log_event
from tests.sessions.stored import base_ms, file, summarise_due

pytestmark = pytest.mark.django_db
stored = of_module(summarise_due)

FUNNELS = {
    "pages": ["page:home", "page:results", "page:course-detail"],
    "turned round": ["page:course-detail", "page:home"],
    "one page twice": ["page:course-detail", "page:course-detail"],
    "pages and events": ["page:home", "event:interact", "event:start:player", "event:end:PLAYER"],
    "kinds": ["event:ui_action", "event:ui_action:click", "event:ui_action"],
    "nothing": ["page:no such page", "event:log"],
}


def is_step(text: str) -> Callable[[dict[str, Any]], bool]:
    """Return a function that tells if an event as sent is a step, implemented independently."""

    def page_shown(wire: dict[str, Any]) -> Any:
        if wire.get("eid") == "IMPRESSION":
            return wire["edata"]["pageid"]
        entries = wire.get("telemetryBody", {}).get("entries", {})
        if (entries.get("event"), entries.get("action")) == ("page", "load"):
            return entries.get("url") or entries["category"]
        return None

    what, _, rest = text.partition(":")
    if what == "page":
        return lambda wire: page_shown(wire) == rest
    kind, _, name = rest.partition(":")
    if kind == "ui_action":
        return lambda wire: (
            "telemetryBody" in wire
            and (not name or name in map(str.lower, map(str, wire["telemetryBody"]["entries"].values())))
        )
    return lambda wire: (
        wire.get("eid") == kind.upper() and (not name or wire["edata"]["type"].lower() == name.lower())
    )


def expected_counts(filters: Filters, texts: list[str]) -> list[int]:
    """Count the sessions that reached each step, event by event."""
    reached = [0] * len(texts)
    for session in began(filters):
        done = 0
        for event in session.timeline().select_related("owner", "source"):
            if done < len(texts) and is_step(texts[done])(as_wire(event)):
                reached[done] += 1
                done += 1
    return reached


@pytest.mark.parametrize("name", list(FUNNELS))
@pytest.mark.parametrize("asked", ["everything", "versions", "Kathmandu", "nobody"])
def test_sessions_are_counted_by_the_steps_they_did_in_order(asked: str, name: str) -> None:
    filters = question(asked)
    steps, errors = steps_of(FUNNELS[name])

    found = funnel(filters, steps)

    assert errors == ()
    assert [step.sessions for step in found.steps] == expected_counts(filters, FUNNELS[name])
    assert (found.sessions, found.is_sample) == (len(began(filters)), False)


@each_filter
def test_only_sessions_matching_the_filters_are_counted(asked: str) -> None:
    filters = question(asked)
    steps, _ = steps_of(["page:home", "event:interact"])
    assert [step.sessions for step in funnel(filters, steps).steps] == expected_counts(
        filters, ["page:home", "event:interact"]
    )


def test_sessions_without_a_session_id_are_counted(sender: Sender) -> None:
    def on(device: str, second: int, **more: Any) -> Any:
        context = {"channel": "c", "env": "home", "pdata": {"id": "lab"}, "did": device}
        return log_event(f"{device}{second}", ets=base_ms() + second * 1000, context=context, **more)

    shown = {"eid": "IMPRESSION", "edata": {"type": "view", "pageid": "bench", "uri": "/"}}
    file(
        sender,
        *(on("a", 0, **shown), on("a", 1)),
        *(on("b", 0), on("b", 1, **shown)),
        *(on("a", 10_000), on("a", 10_001, **shown), on("a", 10_002, **shown)),
    )
    summarise_due()
    filters = question("everything", sources=("lab",), **this_week())
    steps, _ = steps_of(["page:bench", "event:log"])

    found = figures._masks(figures._chosen(filters, 1.0), steps)

    assert sorted(found) == [[1, 2], [2, 1], [2, 1, 1]]
    assert sorted(how_far(masks, 2) for masks in found) == [1, 1, 2]


def test_many_sessions_are_sampled_fairly(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(figures, "SESSIONS", 20)
    filters = question("everything")
    steps, _ = steps_of(["page:home"])
    rows = began(filters)
    bound = 20 / len(rows) * (1 << 128)
    sample = {row.pk for row in rows if row.pk.int < bound}

    found = funnel(filters, steps)

    assert (found.sessions, found.of, found.is_sample) == (len(sample), len(rows), True)
    assert 0 < found.sessions < 40
    assert found == funnel(filters, steps), "the same at each look"
    home_shown = {
        session.pk
        for session in Session.objects.filter(pk__in=sample)
        if session.pages.filter(page="home").exists()
    }
    assert found.steps[0].sessions == len(home_shown)


def test_only_the_first_events_of_a_long_session_count(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(figures, "OF_SESSION", 1)
    steps, _ = steps_of(["event:interact", "event:interact"])
    first, second = funnel(question("everything"), steps).steps
    assert first.sessions > second.sessions == 0


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("home", "home is no step: write page:NAME, event:KIND or event:KIND:TEXT."),
        ("page:", "page: is no step: write page:NAME, event:KIND or event:KIND:TEXT."),
        ("event:nothing", "There is no kind nothing of event."),
        (
            "event:heartbeat:x",
            "Events of kind heartbeat have no name to tell them by; write event:heartbeat.",
        ),
    ],
)
def test_an_invalid_step_is_explained(text: str, said: str) -> None:
    assert steps_of([text]) == ((), (said,))


def test_there_are_at_most_eight_steps() -> None:
    steps, errors = steps_of(["event:log"] * 9)
    assert len(steps) == MOST == 8
    assert errors == ("A funnel has at most 8 steps; the first 8 are shown.",)


def test_every_offered_step_is_valid(operator: Client) -> None:
    html = html_of(operator, f"{reverse('reports:sessions')}?from=2026-11-12&to=2026-11-18")
    assert '<option value="page:home">' in html
    assert '<option value="event:interact">' in html


@pytest.mark.parametrize("asked", ["everything", "Kathmandu", "a source"])
def test_the_suggested_steps_were_taken_by_sessions(asked: str) -> None:
    filters = question(asked)
    found = suggested(filters)
    assert found is not None
    steps, errors = steps_of(found.steps)
    last = funnel(filters, steps).steps[-1]
    assert errors == ()
    assert len(steps) >= 2
    assert last.sessions >= found.sessions > 0


def shown(session: str, second: int, page: str) -> Any:
    context = {"channel": "c", "env": "home", "pdata": {"id": "shop"}, "sid": session}
    more = {"eid": "IMPRESSION", "edata": {"type": "view", "pageid": page, "uri": "/"}}
    return log_event(f"{session}{second}", ets=base_ms() + second * 1000, context=context, **more)


def test_the_suggestion_follows_the_order_of_sessions_not_the_most_frequent_pages(sender: Sender) -> None:
    # "basket" and "cover" are shown most often, always with the basket last.
    for number in range(3):
        pages = ["cover", "basket", "basket", "basket"]
        file(sender, *(shown(f"way{number}", place, page) for place, page in enumerate(pages)))
    summarise_due()
    filters = question("everything", sources=("shop",), **this_week())
    assert suggested(filters) == Suggestion(("page:cover", "page:basket"), 3)


def test_pages_that_cannot_be_a_step_are_not_suggested(sender: Sender) -> None:
    for number in range(3):
        file(sender, *(shown(f"w{number}", place, page) for place, page in enumerate([" ", "a ", "b", "c"])))
    summarise_due()
    assert suggested(question("everything", sources=("shop",), **this_week())) == Suggestion(
        ("page:b", "page:c"), 3
    )


def test_sessions_without_pages_get_their_first_and_last_kinds_suggested(sender: Sender) -> None:
    context = {"channel": "c", "env": "home", "pdata": {"id": "clinic"}, "sid": "k"}
    end = {"eid": "END", "edata": {"type": "app"}}
    file(
        sender,
        log_event("k0", ets=base_ms(), context=context),
        log_event("k1", ets=base_ms() + 1000, context=context, **end),
    )
    summarise_due()
    filters = question("everything", sources=("clinic",), **this_week())
    assert suggested(filters) == Suggestion(("event:log", "event:end"), 1)


def test_nothing_is_suggested_without_sessions() -> None:
    assert suggested(question("nobody")) is None


@pytest.mark.parametrize(
    ("reached", "said"),
    [
        ([0, 0], "No session did the first step, Page a."),
        ([8, 2], "20 % of the sessions came to Page b. Of the 8 that did Page a, most were lost between"),
        ([8, 8], "80 % of the sessions came to Page b."),
    ],
)
def test_the_sentence_matches_the_counts(reached: list[int], said: str) -> None:
    steps, _ = steps_of(["page:a", "page:b"])
    found = Funnel(tuple(map(Reached, steps, reached)), sessions=10, of=10)
    assert page_block._answer(found).startswith(said)


def test_the_form_works_without_scripts(operator: Client) -> None:
    path = reverse("reports:sessions")
    # As a browser submits the form: with empty fields, and the parameters of the previous address.
    html = html_of(
        operator,
        f"{path}?from=2026-11-12&to=2026-11-18&step=page%3Ahome&step=&step=event%3Ainteract&step=",
    )
    form = html.partition('action="#funnel"')[2].partition("</form>")[0]
    assert form.count('name="step"') == 4
    assert '<input type="hidden" name="from" value="2026-11-12">' in form
    assert 'value="page:home"' in form
    table = html.partition('id="funnel"')[2].partition("</table>")[0]
    assert [row for row in ("All sessions", "Page home", "interact") if row not in table] == []


def test_the_page_says_if_it_counted_a_sample(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(figures, "SESSIONS", 20)
    context = Context(
        now=NOW,
        links=Links("sessions", {}),
        owners={},
        sources={},
        sees_all=True,
        params={"step": ("page:home", "event:interact")},
    )
    block = page.build(question("everything"), context).block("funnel")
    assert block is not None
    assert "were sampled, always the same ones: shares are accurate to" in block.note
