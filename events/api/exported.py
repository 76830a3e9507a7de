"""The lists that the API exports, each with its rows, members and filters."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import datetime
from functools import partial
from itertools import islice
from typing import Any, NamedTuple

from django.db.models import QuerySet
from django.http import QueryDict
from django.utils import timezone
from rest_framework import serializers

from events.access import Access, Person
from events.api.filters import checked
from events.api.pagination import UsagePagination
from events.api.problems import BadParameter
from events.api.usage import UsageFilter, UsageSerializer, named
from events.event import Event
from events.exports.exported import EXPORTABLE, Exported, Table, of_events
from events.exports.formats import ROWS
from events.feed.followed import FOLLOWED, Followed
from events.fields import event_query
from events.fields.conditions import Conditions, parse
from events.fields.vocabulary import Vocabulary
from events.kinds import KINDS
from events.spreadsheets.sheet import UTC, Heading
from events.store.plain_rows import PlainReader
from events.store.usage import UsageHour


def conditions_in(filters: QueryDict, vocabulary: Vocabulary) -> Conditions:
    """Return the conditions of filters. Raises `BadParameter`."""
    refuse_unknown(filters, lambda name: bool(vocabulary.read(name)[0]), vocabulary.parameters())
    return checked(parse(vocabulary, ((name, str(text)) for name, text in filters.items())))


def events(access: Access, filters: QueryDict) -> Exported:
    """Return the visible events that meet the filters, newest first."""
    conditions = conditions_in(filters, FOLLOWED["events"].vocabulary())
    visible: Any = access.limit(Event.objects.all())
    found = event_query.of_events(visible, conditions, access)
    kinds = conditions.kinds or ()
    model: Any = KINDS[next(iter(kinds))].model if len(kinds) == 1 else Event
    return of_events(PlainReader().pages(found), model)


def rows(what: str, access: Access, filters: QueryDict) -> Exported:
    """Return the visible rows of a list that meet the filters."""
    followed: Followed = FOLLOWED[what]
    conditions = conditions_in(filters, followed.vocabulary())
    visible = access.limit(followed.named_rows())
    found = event_query.of_rows(visible, conditions, access, followed.order)
    serializer = followed.serializer(context={"now": timezone.now()})
    return _table(what, serializer).exported(found.all_pages(ROWS))


class _Request(NamedTuple):
    """The part of a request that filters read."""

    user: Person


class Counts(NamedTuple):
    """A list of counts by time of receipt: its visible rows, filters, keys of the order, and members."""

    what: str
    visible: Callable[[Access, QueryDict], Any]
    filterset: Any
    keys: Sequence[str]
    serializer: Any
    named: Callable[[list[Any]], list[dict[str, Any]]]

    def exported(self, access: Access, filters: QueryDict) -> Exported:
        """Return the visible counts of the period, the latest first. Raises `BadParameter`."""
        known = list(self.filterset.base_filters)
        refuse_unknown(filters, known.__contains__, known)
        request: Any = _Request(access.user)
        filterset = self.filterset(filters, self.visible(access, filters), request=request)
        if not filterset.is_valid():
            raise BadParameter(
                "bad_parameter", {name: list(map(str, found)) for name, found in filterset.errors.items()}
            )
        found: QuerySet[Any] = filterset.qs.order_by(*(f"-{name}" for name in self.keys))
        return _table(self.what, self.serializer()).exported(self._pages(found))

    def _pages(self, found: QuerySet[Any]) -> Iterator[list[dict[str, Any]]]:
        rest = found.iterator(ROWS)
        while page := list(islice(rest, ROWS)):
            yield self.named(page)


def _visible_usage(access: Access, _: QueryDict) -> Any:
    return access.limit(UsageHour.objects.all())


USAGE = Counts(
    "usage",
    _visible_usage,
    UsageFilter,
    UsagePagination.orders[UsagePagination.default].keys,
    UsageSerializer,
    named,
)


def _table(what: str, serializer: Any) -> Table:
    """Return the columns and members of rows, as their serializer has them."""
    fields = serializer.fields

    def cells(page: list[Any]) -> Iterator[list[object]]:
        return ([_cell(field, row) for field in fields.values()] for row in page)

    def members(page: list[Any]) -> Iterator[object]:
        return (serializer.to_representation(row) for row in page)

    zones = {name: UTC for name, field in fields.items() if type(field).__name__ == "DateTimeField"}
    headings = [Heading(name, zones.get(name, "")) for name in fields]
    types = [_type_of(field) for field in fields.values()]
    return Table(what.capitalize(), headings, cells, members, types)


# Types in Parquet by field, special ones first.
_TYPES: tuple[tuple[type[Any], str], ...] = (
    (serializers.DateTimeField, "time"),
    (serializers.BooleanField, "flag"),
    (serializers.IntegerField, "integer"),
    (serializers.FloatField, "double"),
    (serializers.DecimalField, "decimal"),
)


def _type_of(field: Any) -> str:
    return next((name for kind, name in _TYPES if isinstance(field, kind)), "text")


def _cell(field: Any, row: Any) -> object:
    """Return a value: times as they are, everything else as in JSON."""
    value = field.get_attribute(row)
    return value if value is None or isinstance(value, datetime) else field.to_representation(value)


def refuse_unknown(filters: QueryDict, is_known: Any, known: Iterable[str]) -> None:
    """Raise `BadParameter` if there is an unknown filter."""
    errors = {name: ["There is no such filter."] for name in filters if not is_known(name)}
    if errors:
        raise BadParameter("unknown_parameter", errors, known)


__all__ = ["EXPORTABLE"]
EXPORTABLE |= {
    "events": events,
    "rejected": partial(rows, "rejected"),
    "sessions": partial(rows, "sessions"),
    "usage": USAGE.exported,
}
