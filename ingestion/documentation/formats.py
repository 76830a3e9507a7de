"""Documentation of the formats: what the kinds declare, as tables in Markdown.

The page is written by hand; what stands between a pair of marks in it is made from the kinds.
"""

import re
from collections.abc import Iterable, Iterator
from pathlib import Path

from django.conf import settings
from django.db import models

from events.event import Event
from events.kinds import KINDS, KindEntry
from events.wire.columns import Need, WireField
from events.wire.dialects import DIALECTS
from events.wire.schema import Leaf
from ingestion.rejected import remedies

_REFERENCE = Path(settings.BASE_DIR) / "docs" / "reference"
PAGE = _REFERENCE / "formats.md"
_MARKED = re.compile(r"(<!-- made from the kinds: (\w+) -->\n).*?(<!-- end -->)", re.DOTALL)
_REMEDIES = re.compile(r"(<!-- made from ingestion/rejected/remedies.py -->\n).*?(<!-- end -->)", re.DOTALL)
COLUMNS = ("field", "type", "need", "column", "meaning")
_NEEDS = {
    Need.HARD: "hard",
    Need.PAGE: "soft (page)",
    Need.PIPELINE: "soft (pipeline)",
    Need.OPTIONAL: "optional",
}
_TYPES = {
    "TextField": "text",
    "FloatField": "number",
    "BigIntegerField": "whole number",
    "DecimalField": "whole number of 64 bits",
    "BooleanField": "true or false",
    "DateTimeField": "time in milliseconds",
    "ArrayField": "list of texts",
    "JSONField": "list",
    "ForeignKey": "text",
}


def renewed(page: str) -> str:
    """The page with its tables made anew."""
    return _MARKED.sub(lambda found: found[1] + _section(found[2]) + found[3], page)


def with_remedies(page: str) -> str:
    """The page about errors with its table of events made anew."""
    return _REMEDIES.sub(lambda found: found[1] + remedies.table() + found[2], page)


PAGES = {PAGE: renewed, _REFERENCE / "errors.md": with_remedies}


def _section(name: str) -> str:
    """The envelope of a dialect and its kinds."""
    entries = [entry for entry in KINDS.values() if entry.schema.dialect == name]
    parts = ["\n#### Envelope\n", *_table(map(envelope_row, DIALECTS[name].envelope))]
    for entry in entries:
        parts += _kind(entry)
    return re.sub("\n{3,}", "\n\n", "\n".join([*parts, ""]))


def _kind(entry: KindEntry) -> Iterator[str]:
    summary = (entry.model.__doc__ or "").strip().splitlines()[0]
    yield f"\n#### {entry.name}\n\n{summary}\n"
    columns = entry.model.columns()
    if columns:
        yield from _table(column_row(entry, column) for column in columns)
    else:
        yield "It has no fields of its own; what is sent is kept.\n"
    for encoding, hard in entry.model.hard_by_encoding.items():
        listed = ", ".join(f"`{path}`" for path in sorted(hard))
        yield f"Sent as {encoding}, only these are hard: {listed}.\n"


def _table(rows: Iterable[tuple[str, ...]]) -> Iterator[str]:
    yield f"| {' | '.join(COLUMNS)} |\n|{'---|' * len(COLUMNS)}"
    for row in rows:
        yield "| " + " | ".join(cell.replace("|", "\\|") for cell in row) + " |"
    yield ""


def envelope_row(leaf: Leaf) -> tuple[str, ...]:
    """Return the row of a field of an envelope."""
    column = Event._meta.get_field(leaf.column)
    return (f"`{leaf.dotted}`", _type(column), _NEEDS[leaf.need], f"`{leaf.column}`", _help(column))


def column_row(entry: KindEntry, column: WireField) -> tuple[str, ...]:
    """Return the row of a field of a kind."""
    path = ".".join((*entry.model.root(), column.path))
    assert isinstance(column, models.Field)
    return (f"`{path}`", _type(column), _need(column), f"`{column.attname}`", _meaning(entry, path, column))


def _meaning(entry: KindEntry, path: str, column: WireField) -> str:
    """The help text, and what the value should be if it is checked."""
    expected = column.value_check.expected if column.value_check else entry.model.expected.get(path)
    return f"{_help(column)} Should be {expected}." if expected else _help(column)


def _need(column: WireField) -> str:
    """The need, with the conditions under which a soft field may be missing."""
    need = _NEEDS[column.need]
    if column.need in (Need.PAGE, Need.PIPELINE):
        if column.unless:
            need += f", unless `{column.unless}` is filled"
        if column.when:
            need += f", where `{column.when}` is filled"
        if column.within:
            need += ", within its object"
    return need


def _type(column: object) -> str:
    names = getattr(column, "names", ())
    if names:
        return "one of " + ", ".join(names)
    if type(column).__name__ == "Open":
        return "object"
    if type(column).__name__ == "Base64":
        return "bytes in base64"
    return next(_TYPES[kind.__name__] for kind in type(column).__mro__ if kind.__name__ in _TYPES)


def _help(column: object) -> str:
    text: str = getattr(column, "help_text", "")
    return str(text)
