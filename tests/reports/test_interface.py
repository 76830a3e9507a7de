"""Interface actions: every figure equals a plain count of the messages."""

from collections import Counter
from typing import Any

import pytest

from reports.filters import Filters
from reports.pages.activity import interface as page
from reports.pages.activity.interface import KEYS
from reports.pages.links import Links
from reports.pages.page import Context
from reports.query.datasets import INTERFACE
from reports.query.planner import answer, over_time
from reports.query.query import Answer, Query
from tests.reports.lifelike import (
    NOW,
    Pair,
    by_bucket,
    each_filter,
    events_matching,
    just_before,
    of_module,
    question,
)

pytestmark = pytest.mark.django_db
stored = of_module()


def keys_of(row: Any) -> dict[str, str]:
    """Return the keys of a message as in the report."""
    level = row.severity if row.severity is not None else (row.level or "").lower()
    found = (row.category, row.label, row.action, row.customer_id, row.payer_id, level)
    return {name: value or "" for name, value in zip(KEYS, found, strict=True)}


def counted(pairs: list[Pair], *names: str) -> Counter[tuple[str, ...]]:
    return Counter(tuple(keys_of(row)[name] for name in names) for _, row in pairs)


def asked_for(filters: Filters, *names: str, **where: str) -> Answer:
    return answer(Query(INTERFACE, ("actions", "errors"), filters, names, where))


def told(found: Answer) -> dict[tuple[str, ...], tuple[int, int]]:
    return {row.keys: (row.count("actions"), row.count("errors")) for row in found.rows}


@each_filter
def test_actions_are_counted_by_element_customer_and_payer(asked: str) -> None:
    filters = question(asked)
    actions = events_matching("ui_action", filters)
    wrong = [(event, row) for event, row in actions if keys_of(row)["level"] == "error"]

    for names in (("category", "label", "action"), ("customer",), ("payer",)):
        found = asked_for(filters, *names)
        all_of, errors = counted(actions, *names), counted(wrong, *names)
        assert told(found) == {keys: (times, errors[keys]) for keys, times in all_of.items()}
        assert found.of == len(all_of)
        assert [row.count("actions") for row in found.rows] == sorted(all_of.values(), reverse=True)


@each_filter
def test_levels_are_counted_over_time(asked: str) -> None:
    filters = question(asked)
    actions = events_matching("ui_action", filters)
    levels = {level for (level,) in counted(actions, "level")}

    lines = over_time(Query(INTERFACE, ("actions",), filters, ("level",)), NOW, most=100)
    (line,) = over_time(Query(INTERFACE, ("actions",), filters), NOW)

    by_level = asked_for(filters, "level")
    assert {row.keys[0]: row.count("actions") for row in by_level.rows} == {
        level: times for (level,), times in counted(actions, "level").items()
    }
    assert asked_for(filters).total.count("actions") == len(actions)
    assert line.values["actions"] == by_bucket(actions, filters)
    assert {each.key: each.values["actions"] for each in lines} == {
        level: by_bucket([pair for pair in actions if keys_of(pair[1])["level"] == level], filters)
        for level in levels
    }


@pytest.mark.parametrize("name", KEYS)
def test_each_key_can_be_filtered_by(name: str) -> None:
    filters = question("everything")
    actions = events_matching("ui_action", filters)
    ((value,), times) = next(each for each in counted(actions, name).items() if each[0][0])
    mine = [pair for pair in actions if keys_of(pair[1])[name] == value]

    total = asked_for(filters, **{name: value}).total

    assert total.count("actions") == times == len(mine)
    errors = [pair for pair in mine if keys_of(pair[1])["level"] == "error"]
    assert asked_for(filters, "payer", **{name: value}).sum("errors") == len(errors) == total.count("errors")


def test_figures_are_compared_with_the_period_before() -> None:
    filters = question("everything", compare=None)
    compared = question("some days", compare=just_before(question("some days").period))
    before = filters.over(just_before(compared.period))
    names = ("category", "label", "action")

    found, earlier = asked_for(compared, *names), told(asked_for(before, *names))

    assert [(row.earlier("actions"), row.earlier("errors")) for row in found.rows] == [
        earlier.get(row.keys, (0, 0)) for row in found.rows
    ]
    total = asked_for(before).total
    assert asked_for(compared).total.earlier("actions") == total.count("actions") > 0
    levels = {row.keys: row.count("actions") for row in asked_for(before, "level").rows}
    assert {row.keys: row.earlier("actions") for row in asked_for(compared, "level").rows} == {
        row.keys: levels.get(row.keys, 0) for row in asked_for(compared, "level").rows
    }


def test_the_answer_matches_the_figures_and_figures_link_to_messages() -> None:
    filters = question("everything")
    context = Context(NOW, Links("interface", {}), {}, {}, sees_all=True)

    report = page.build(filters, context)

    assert report.answer.startswith(
        f"{len(events_matching('ui_action', filters))} actions in the last 7 days; "
    )
    block = report.block("elements")
    assert block
    assert "category=alert" in next(row for row in block.rows.rows if row.cells[0] == "alert").hrefs["errors"]
    assert "severity=error" in report.figures[1].href
