"""Errors: every figure equals a plain count of the events, down to the stack traces of a group."""

from collections import Counter, defaultdict
from datetime import date
from typing import Any

import pytest
from django.test import Client

from events.admin.event_page import session_url
from events.event import Event
from events.lib import paging
from events.sessions.session import Session
from reports.figures.error_samples import samples, traces
from reports.figures.errors import errors
from reports.filters import Filters
from reports.pages.health import errors as page
from reports.pages.health.error_sections import chosen, key_of
from reports.pages.links import Links
from reports.pages.page import Context
from reports.periods import Period
from telemetry_project.demo import home
from tests.admin.conftest import html_of
from tests.reports.lifelike import (
    NOW,
    Pair,
    by_bucket,
    each_filter,
    events_matching,
    just_before,
    of_module,
    of_people,
    question,
)
from tests.reports.test_sessions import began
from tests.sessions.stored import summarise_due

pytestmark = pytest.mark.django_db
stored = of_module(summarise_due)
EVER = date(2000, 1, 1)


def failed(filters: Filters) -> list[Pair]:
    """Return the errors that match filters, in order of time."""
    found = events_matching("error", filters)
    found += [
        (event, row) for event, row in events_matching("ui_action", filters) if row.level.lower() == "error"
    ]
    found = [pair for pair in found if not filters.kinds or pair[0].kind in filters.kinds]
    return sorted(found, key=lambda pair: pair[0].pk)


def group_of(pair: Pair) -> tuple[str, str]:
    event, row = pair
    return (row.err, row.errtype) if event.kind == "error" else (row.label, row.category)


def affected(pairs: list[Pair]) -> tuple[int, int]:
    """Return the number of people's sessions and of actors."""
    events = [event for event, _ in of_people(pairs)]
    visits = {
        (event.source_id, event.session or (event.device, event.channel))
        for event in events
        if event.session or event.device
    }
    return len(visits), len({event.actor for event in events if event.actor})


def grouped(pairs: list[Pair], key: Any) -> dict[Any, list[Pair]]:
    found = defaultdict(list)
    for pair in pairs:
        found[key(pair)].append(pair)
    return dict(found)


def context(error: str = "") -> Context:
    params = {"error": [error]} if error else {}
    return Context(
        now=NOW,
        links=Links("errors", params),
        owners={},
        sources={},
        sees_all=True,
        params={name: tuple(values) for name, values in params.items()},
    )


@each_filter
@pytest.mark.parametrize("kinds", [(), ("ui_action",)])
def test_errors_and_affected_sessions_and_actors_are_counted(asked: str, kinds: tuple[str, ...]) -> None:
    filters = question(asked, kinds=kinds)
    pairs = failed(filters)

    found = errors(filters, NOW)

    assert (found.sums.errors, found.sums.sessions, found.sums.actors) == (len(pairs), *affected(pairs))
    assert found.sums.of_sessions == len(began(filters))
    assert found.errors == by_bucket(pairs, filters)
    codes = grouped(pairs, lambda pair: group_of(pair)[0])
    assert dict(found.lines) == {code: by_bucket(some, filters) for code, some in codes.items()}
    assert found.rest is None


@each_filter
def test_errors_are_grouped_by_code_and_type(asked: str) -> None:
    filters = question(asked)
    groups = grouped(failed(filters), group_of)
    ever = grouped(failed(filters.over(Period(EVER, filters.period.end, filters.period.zone))), group_of)

    found = errors(filters, NOW)

    assert {
        (each.code, each.type): (
            each.errors,
            (each.sessions, each.actors),
            (each.first, each.latest),
            each.trend,
        )
        for each in found.groups
    } == {
        group: (
            len(pairs),
            affected(pairs),
            (ever[group][0][0].occurred_at, pairs[-1][0].occurred_at),
            by_bucket(pairs, filters),
        )
        for group, pairs in groups.items()
    }
    assert found.groups_of == len(groups)
    assert [each.errors for each in found.groups] == sorted(map(len, groups.values()), reverse=True)


@each_filter
def test_errors_are_counted_by_type_and_version(asked: str) -> None:
    filters = question(asked)
    pairs = failed(filters)
    keys: tuple[tuple[str, Any], ...] = (
        ("types", lambda pair: group_of(pair)[1]),
        ("versions", lambda pair: pair[0].version or ""),
    )

    found = errors(filters, NOW)

    for parts, key in keys:
        assert {
            each.name: (each.errors, (each.sessions, each.actors), (each.first, each.latest))
            for each in getattr(found, parts)
        } == {
            name: (len(some), affected(some), (some[0][0].occurred_at, some[-1][0].occurred_at))
            for name, some in grouped(pairs, key).items()
        }


def test_figures_are_compared_with_the_days_before() -> None:
    filters = question("some days", first=date(2026, 11, 15), days=3)
    before = filters.over(just_before(filters.period))
    compared = question("some days", first=date(2026, 11, 15), days=3, compare=just_before(filters.period))

    found = errors(compared, NOW)

    earlier = failed(before)
    assert found.before is not None
    assert (found.before.errors, found.before.sessions, found.before.actors) == (
        len(earlier),
        *affected(earlier),
    )
    assert earlier
    counts = Counter(map(group_of, earlier))
    assert {(each.code, each.type): each.before for each in found.groups} == {
        (each.code, each.type): counts[each.code, each.type] for each in found.groups
    }


@each_filter
def test_each_group_has_samples_and_stack_traces(asked: str) -> None:
    filters = question(asked)
    groups = grouped(failed(filters), group_of)
    found = errors(filters, NOW)
    assert len(found.groups) == len(groups)

    for group in found.groups:
        pairs = groups[group.code, group.type][::-1][:50]
        sampled = samples(filters, group)
        assert [each.id for each in sampled] == [event.pk for event, _ in pairs]
        stacks = Counter(row.stacktrace for event, row in pairs if event.kind == "error")
        assert {each.text: each.samples for each in traces(sampled)}.items() <= stacks.items()
        assert len(traces(sampled)) == min(len(stacks), 3)
        for each, (event, _) in zip(sampled, pairs, strict=True):
            session = Session.objects.of_event(
                Event.objects.select_related("owner", "source").get(pk=event.pk)
            )
            assert each.session_pk == session.get().pk


def test_samples_are_limited_to_the_filtered_owners() -> None:
    everybodys = errors(question("everything"), NOW)
    mine = question("an owner", owners=(home.KEY_DELIVERY,))
    code = next(group for group in everybodys.groups if group.type == "CONTENT")
    assert samples(question("everything"), code) != []
    assert samples(mine, code) == []


def test_the_search_for_samples_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(paging, "WINDOWS", (1,))
    filters = question("everything")
    (group, *_) = errors(filters, NOW).groups
    assert group.errors > 1
    assert len(samples(filters, group)) == 1


def test_a_new_group_wants_attention() -> None:
    filters = question("some days", first=date(2026, 11, 14), days=4)
    found = errors(filters, NOW)
    new = [group for group in found.groups if group.is_new(filters.period)]
    assert 0 < len(new) < len(found.groups)

    report = page.build(filters, context())

    for group, said in zip(new, report.attention, strict=False):
        assert said.sentence.startswith(f"{group.code} ({group.type}) is new: ")
        assert f"error={group.type}%3A" in said.href
    whole = f"{found.sums.errors} errors from 14 Nov to 17 Nov 2026"
    assert report.answer.startswith(whole)


def test_figures_link_to_as_many_errors(operator: Client) -> None:
    filters = question("everything")
    whole = errors(filters, NOW)
    reports = [page.build(filters, context())]
    reports += [page.build(filters, context(key_of(group))) for group in whole.groups[:2]]
    values: dict[str, Any] = {}
    for report in reports:
        for name, numbers in (("versions", ["errors"]), ("types", ["errors"]), ("over-time", None)):
            if (block := report.block(name)) is None:
                continue
            for row in block.rows.rows:
                named = dict(zip((column.name for column in block.rows.columns), row.cells, strict=True))
                values |= {
                    row.hrefs[each]: named[each] for each in numbers or row.hrefs if row.hrefs.get(each)
                }
    of_one = {group.type for group in whole.groups if len(group.kinds) == 1}
    assert of_one == {group.type for group in whole.groups}, "no type is of both kinds"
    assert len(values) > 10
    few = {href: value for href, value in values.items() if value and value <= 50}
    for href, value in list(few.items())[:25]:
        assert html_of(operator, href).count("data-row") == value, href


def test_a_single_group_has_its_own_page() -> None:
    filters = question("everything")
    whole = errors(filters, NOW)
    group = next(group for group in whole.groups if group.type == "CONTENT")

    report = page.build(filters, context(key_of(group)))

    assert report.answer.startswith(f"{group.code} ({group.type}) occurred ")
    assert [figure.value for figure in report.figures] == [group.errors, group.sessions, group.actors]
    stacks, sampled = report.block("traces"), report.block("samples")
    assert stacks is not None
    assert sampled is not None
    assert stacks.passages[0].text.startswith("TypeError: can't read 'pages' of undefined\n  at Player.open")
    (first, *_) = samples(filters, group)
    assert first.session_pk is not None
    assert sampled.rows.rows[0].hrefs["session"] == session_url(first.session_pk)
    assert len(sampled.rows.rows) == group.errors


def test_a_group_that_did_not_occur_says_so() -> None:
    report = page.build(question("everything"), context("SYSTEM:no such code"))
    assert report.answer == "This error did not occur in the last 7 days."
    assert report.empty is not None
    assert report.empty.label == "Look at all errors"


@pytest.mark.parametrize(("type_", "code"), [("SYSTEM", "E1"), ("a:b%3A%", "c:d"), ("", "E"), ("T", "")])
def test_a_group_is_encoded_in_an_address_and_decoded(type_: str, code: str) -> None:
    group: Any = type("Group", (), {"type": type_, "code": code})
    assert chosen(key_of(group)) == {"code": code, "type": type_}


def test_a_group_erased_between_two_queries_breaks_no_page(monkeypatch: Any) -> None:
    monkeypatch.setattr("reports.figures.errors._rows", lambda *_: ())
    groups = errors(question("everything"), NOW).groups
    assert groups
    assert all(group.first == group.latest for group in groups)
