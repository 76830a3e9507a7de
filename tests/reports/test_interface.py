"""Interface actions: every number is what a plain look at the messages says."""

from collections import Counter
from typing import Any

import pytest

from reports.figures.interface import KEYS, Part, interface
from reports.pages import interface as page
from reports.pages.links import Links
from reports.pages.page import Context
from tests.reports.lifelike import NOW, Pair, by_bucket, each_question, just_before, of_module, question, seen

pytestmark = pytest.mark.django_db
stored = of_module()


def keys_of(row: Any) -> dict[str, str]:
    """The keys of a message as the report has them."""
    level = row.severity if row.severity is not None else (row.level or "").lower()
    found = (row.category, row.label, row.action, row.customer_id, row.payer_id, level)
    return {name: value or "" for name, value in zip(KEYS, found, strict=True)}


def counted(pairs: list[Pair], *names: str) -> Counter[tuple[str, ...]]:
    return Counter(tuple(keys_of(row)[name] for name in names) for _, row in pairs)


def told(parts: tuple[Part, ...]) -> dict[tuple[str, ...], tuple[int, int]]:
    return {each.keys: (each.actions, each.errors) for each in parts}


@each_question
def test_actions_are_counted_by_element_customer_and_payer(asked: str) -> None:
    filters = question(asked)
    actions = seen("ui_action", filters)
    wrong = [(event, row) for event, row in actions if keys_of(row)["level"] == "error"]

    found = interface(filters, NOW)

    for parts, names in (
        (found.elements, ("category", "label", "action")),
        (found.customers, ("customer",)),
        (found.payers, ("payer",)),
    ):
        all_of, errors = counted(actions, *names), counted(wrong, *names)
        assert told(parts.rows) == {keys: (times, errors[keys]) for keys, times in all_of.items()}
        assert parts.of == len(all_of)
        assert [each.actions for each in parts.rows] == sorted(all_of.values(), reverse=True)


@each_question
def test_levels_over_time(asked: str) -> None:
    filters = question(asked)
    actions = seen("ui_action", filters)
    levels = {level for (level,) in counted(actions, "level")}

    found = interface(filters, NOW)

    assert found.levels == {level: times for (level,), times in counted(actions, "level").items()}
    assert (found.actions, found.total) == (len(actions), by_bucket(actions, filters))
    assert found.by_level == {
        level: by_bucket([pair for pair in actions if keys_of(pair[1])["level"] == level], filters)
        for level in levels
    }


@pytest.mark.parametrize("name", KEYS)
def test_each_key_narrows(name: str) -> None:
    filters = question("everything")
    actions = seen("ui_action", filters)
    ((value,), times) = next(each for each in counted(actions, name).items() if each[0][0])
    mine = [pair for pair in actions if keys_of(pair[1])[name] == value]

    found = interface(filters, NOW, {name: value})

    assert found.actions == times == len(mine)
    errors = [pair for pair in mine if keys_of(pair[1])["level"] == "error"]
    assert sum(each.errors for each in found.payers.rows) == len(errors) == found.errors


def test_it_compares_with_the_period_before() -> None:
    filters = question("some days")
    before = interface(filters.over(just_before(filters.period)), NOW)

    found = interface(question("some days", compare=just_before(filters.period)), NOW)

    assert (found.actions_before, found.levels_before) == (before.actions, before.levels)
    earlier = {each.keys: each.actions for each in before.elements.rows}
    assert [each.before for each in found.elements.rows] == [
        earlier.get(each.keys, 0) for each in found.elements.rows
    ]
    assert before.actions


def test_the_answer_is_computed_and_numbers_lead_to_their_messages() -> None:
    filters = question("everything")
    found = interface(filters, NOW)
    context = Context(NOW, Links("interface", {}), {}, {}, sees_all=True)

    report = page.build(filters, context)

    assert report.answer.startswith(f"{found.actions} actions in the last 7 days; ")
    block = report.block("elements")
    assert block
    assert "category=alert" in next(row for row in block.rows.rows if row.cells[0] == "alert").hrefs["errors"]
    assert "severity=error" in report.figures[1].href
