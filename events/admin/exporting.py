"""Exports: what a list of events is filtered to, as lines of CSV or of JSON, a page of rows at a time."""

import csv
import json
from collections import defaultdict
from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import Any

from django.db import models

from events.admin.facts import number
from events.event import Event
from events.kinds import KINDS

ROWS = 500  # held at a time
# What spreadsheets take for the beginning of a formula.
FORMULA = ("=", "+", "-", "@", "\t", "\r")
NAMED = ("owner", "source")  # by name, not by key

# An event with its row of the kind's table; None where that is missing or not asked for.
Pair = tuple[Event, models.Model | None]


class _Line:
    """What a csv.writer writes to: it hands the line back."""

    def write(self, line: str) -> str:
        return line


def csv_lines(pages: Iterable[list[Pair]], model: Any = None) -> Iterator[str]:
    """The columns' names, then a line for each event; with the columns of the kind `model`, if given."""
    write = csv.writer(_Line()).writerow
    envelope = [field.name for field in Event._meta.concrete_fields]
    own = [column.attname for column in (*model.columns(), *model.computed())] if model else []
    # A kind may have a column of the same name as the envelope.
    yield write([*envelope, *(f"{model.name()}.{name}" for name in own)])
    for page in pages:
        for event, detail in page:
            cells = [cell(_value(event, name)) for name in envelope]
            yield write([*cells, *(cell(getattr(detail, name, None)) for name in own)])


def json_lines(pages: Iterable[list[Pair]]) -> Iterator[str]:
    """Each event as its sender wrote it, one a line."""
    for page in pages:
        for event, detail in page:
            if detail is not None:
                yield json.dumps(event.as_wire(detail), separators=(",", ":")) + "\n"


def with_details(events: Iterable[Event]) -> list[Pair]:
    """Events of any kinds with their rows of the kinds' tables: one statement for each kind among them."""
    events = list(events)
    by_kind: dict[str, list[Any]] = defaultdict(list)
    for event in events:
        by_kind[event.kind].append(event.pk)
    details = {
        row.pk: row
        for kind, ids in by_kind.items()
        for row in KINDS[kind].model._default_manager.filter(pk__in=ids)
    }
    return [(event, details.get(event.pk)) for event in events]


def cell(value: Any) -> str:
    """A value as a cell of CSV: text that a spreadsheet would compute is kept from it by an apostrophe."""
    if value is None:
        return ""
    if isinstance(value, str):
        return f"'{value}" if value.startswith(FORMULA) else value
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, float):
        return number(value)
    if isinstance(value, dict | list):
        return cell(json.dumps(value, ensure_ascii=False))
    return str(value)


def _value(event: Event, name: str) -> Any:
    return getattr(event, name).name if name in NAMED else getattr(event, name)
