"""Each case of bad input gets the response in the table, keeps the events it says, and is on the page."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.db import transaction
from pytest_django import DjangoDbBlocker

from ingestion.rejected.event import RejectedEvent
from tests.bad_input.table import CASES, SECTIONS, Keys, Outcome, make_keys, outcome_of, page

PAGE = Path(__file__).parents[2] / "docs" / "reference" / "bad-input.md"
pytestmark = pytest.mark.django_db
_seen: dict[str, Outcome] = {}  # the page reuses outcomes of earlier tests


@pytest.fixture(scope="module")
def keys(django_db_setup: None, django_db_blocker: DjangoDbBlocker) -> Iterator[Keys]:
    """One set of keys for all cases, rolled back at the end."""
    with django_db_blocker.unblock(), transaction.atomic():
        yield make_keys()
        transaction.set_rollback(True)


def cached_outcome(name: str, keys: Keys) -> Outcome:
    if name not in _seen:
        _seen[name] = outcome_of(CASES[name], keys)
    return _seen[name]


def test_names_of_cases_are_unique() -> None:
    assert sum(len(section.cases) for section in SECTIONS) == len(CASES)


@pytest.mark.parametrize("name", CASES)
def test_a_case_has_the_outcome_in_the_table(keys: Keys, name: str) -> None:
    case = CASES[name]

    outcome = cached_outcome(name, keys)

    answer = outcome.answer
    assert (answer.status, answer.code, answer.path) == (case.status, case.code, case.path), answer
    assert tuple(answer.rejected) == case.rejected
    assert outcome.kept == case.kept
    assert not RejectedEvent.objects.exists(), "a case leaves nothing behind"


def test_the_page_is_up_to_date(keys: Keys) -> None:
    made = page({name: cached_outcome(name, keys) for name in CASES})

    if os.environ.get("WRITE_DOCS"):
        PAGE.write_text(made + "\n")
    assert PAGE.read_text() == made + "\n", "make docs-bad-input"
