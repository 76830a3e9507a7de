"""Sessions of a file: reads newline-delimited V3 events and returns V3 SUMMARY events, without a database.

The rules are those of the store: events are validated leniently, repeats of (mid, ets) are dropped, ids of
actors and objects are corrected, and events are ordered by id. Only the columns that a summary needs are kept
in memory.
"""

import json
from collections import defaultdict
from collections.abc import Iterable, Iterator
from operator import attrgetter
from typing import Any, NamedTuple, NoReturn
from uuid import UUID

import msgspec

from events.enrichment import enrich, facts_of
from events.identity import event_number
from events.kinds import KINDS, KindEntry
from events.sessions.keys import session_id
from events.sessions.record import DETAILS, Record
from events.sessions.summary import INACTIVITY_MS, cut
from events.sessions.summary_event import Identity, summary_event
from events.store.pending import SessionKey, session_key
from events.wire import typed
from events.wire.validators import Fault

Wire = dict[str, Any]
OWNER = UUID(int=0)  # of all that is in a file
UNKNOWN = ""  # source of an event with an empty pdata.id
_EIDS = {entry.name.upper(): entry for entry in KINDS.values() if entry.schema.dialect == "sunbird"}


class BadLine(NamedTuple):
    """A line that isn't a V3 event."""

    number: int  # from 1
    fault: Fault


class _Place(NamedTuple):
    """The session of a record."""

    source: str
    key: SessionKey  # owner and source numbers have no meaning here


class Sessions:
    """The events of a file, by session."""

    def __init__(self) -> None:
        self._facts = facts_of({})  # they came without a request
        self._records: dict[_Place, dict[UUID, Record]] = defaultdict(dict)

    def read(self, lines: Iterable[bytes]) -> Iterator[BadLine]:
        """Read lines, and yield those that aren't events. Blank lines are skipped."""
        for number, line in enumerate(lines, 1):
            if line.strip():
                fault = self._take(line)
                if fault:
                    yield BadLine(number, fault)

    def _take(self, line: bytes) -> Fault | None:
        event = _decoded(line)
        if isinstance(event, Fault):
            return event
        entry = _EIDS.get(event["eid"]) if type(event.get("eid")) is str else None
        if entry is None:
            return Fault("unknown_kind", "eid", "eid is not an event of Telemetry V3.")
        event = _unwrapped(event)
        fault = entry.lenient.validator.fault_of(event)
        if fault is None:
            self._add(entry, event)
        return fault

    def _add(self, entry: KindEntry, event: Wire) -> None:
        taken = entry.schema.take(event, ())
        enrich(taken, self._facts, entry.name)
        envelope = taken.envelope
        source = (envelope.get("source") or UNKNOWN).strip()
        key = session_key(0, 0, envelope.get("session"), envelope.get("device"), envelope.get("channel"))
        if key is None:
            return
        details = DETAILS.get(entry.name)
        record = Record(
            id=UUID(int=event_number(int(float(event["ets"])), OWNER, event["mid"])),
            kind=entry.name,
            dialect="sunbird",
            details=None if details is None else [taken.kind.get(name) for name in details],
            **{name: envelope.get(name) for name in Record._fields[4:]},
        )
        self._records[_Place(source, key)].setdefault(record.id, record)

    def summaries(self) -> Iterator[Wire]:
        """Yield the SUMMARY event of each session, in the order of their first lines."""
        for (source, key), found in self._records.items():
            records = sorted(found.values(), key=attrgetter("id"))
            for summary in cut(records, None if key.session is not None else INACTIVITY_MS):
                first = None if key.session is not None else summary.first.id
                made = session_id(OWNER, source, key, first)
                yield summary_event(summary, Identity(made, source, key.session, channel=UNKNOWN))


def _decoded(line: bytes) -> Wire | Fault:
    try:
        event = typed.decode(line)
    except (msgspec.DecodeError, RecursionError):
        event = _decoded_slowly(line)
    if type(event) is not dict:
        return event if isinstance(event, Fault) else Fault("wrong_type", "", "An event must be an object.")
    return event


def _decoded_slowly(line: bytes) -> Any:
    """Decode a line that msgspec refuses for a lone surrogate."""
    try:
        return json.loads(line, parse_constant=_refuse)
    except (ValueError, RecursionError) as error:
        return Fault("bad_json", "", f"The line isn't JSON: {error}.")


def _refuse(name: str) -> NoReturn:
    raise ValueError(f"{name} isn't JSON")


def _unwrapped(event: Wire) -> Wire:
    """Return an event with its edata unwrapped, if edata only contains another edata, as ingestion does."""
    edata = event.get("edata")
    if type(edata) is dict and len(edata) == 1 and type(edata.get("edata")) is dict:
        return {**event, "edata": edata["edata"]}
    return event
