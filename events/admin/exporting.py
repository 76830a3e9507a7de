"""Exports: what a list of events is filtered to, as lines of CSV or of JSON, a page of rows at a time."""

import json
from collections.abc import Iterable, Iterator
from typing import Any

from events.details import Pair
from events.event import Event
from events.spreadsheets import cell, line

ROWS = 500  # held at a time
NAMED = ("owner", "source")  # by name, not by key


def csv_lines(pages: Iterable[list[Pair]], model: Any = None) -> Iterator[str]:
    """The columns' names, then a line for each event; with the columns of the kind `model`, if given."""
    envelope = [field.name for field in Event._meta.concrete_fields]
    own = [column.attname for column in (*model.columns(), *model.computed())] if model else []
    # A kind may have a column of the same name as the envelope.
    yield line([*envelope, *(f"{model.name()}.{name}" for name in own)])
    for page in pages:
        for event, detail in page:
            cells = [cell(_value(event, name)) for name in envelope]
            yield line([*cells, *(cell(getattr(detail, name, None)) for name in own)])


def json_lines(pages: Iterable[list[Pair]]) -> Iterator[str]:
    """Each event as its sender wrote it, one a line."""
    for page in pages:
        for event, detail in page:
            if detail is not None:
                yield json.dumps(event.as_wire(detail), separators=(",", ":")) + "\n"


def _value(event: Event, name: str) -> Any:
    return getattr(event, name).name if name in NAMED else getattr(event, name)
