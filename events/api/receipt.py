"""Receipt in the read API: what is counted by the hour of receipt, summed by hour, day or month."""

from datetime import datetime, timedelta
from typing import Any, NamedTuple

import django_filters
from django.db.models import QuerySet
from django.utils import timezone

from events.api.filters import OwnedFilter, TimeFilter, choices
from events.api.problems import BadParameter
from events.kinds import KINDS
from events.wire.dialects import DIALECTS


class Span(NamedTuple):
    """How much time one question is about, in days."""

    default: int
    longest: int


SPANS = {"hour": Span(7, 31), "day": Span(31, 400), "month": Span(366, 3_660)}


class Asked(NamedTuple):
    """Which time is asked about, and how long a row's period is: one of SPANS."""

    group: str
    since: datetime
    until: datetime


class ReceiptFilter(OwnedFilter):
    """What counts can be asked for. Whoever inherits sums up by `asked`."""

    kind = django_filters.ChoiceFilter(choices=choices(KINDS), help_text="Kind of event.")
    dialect = django_filters.ChoiceFilter(choices=choices(DIALECTS), help_text="Wire format.")
    group = django_filters.ChoiceFilter(
        choices=choices(SPANS),
        method="no_filter",
        help_text="Length of a row's period, in UTC; day without it.",
    )
    since = TimeFilter(
        method="no_filter",
        help_text="From this time on, with all of its hour at least; without it, the last 7 days by hour, 31"
        " by day, 366 by month. At most 31, 400 and 3,660 days can be asked for at once.",
    )
    until = TimeFilter(method="no_filter", help_text="Before this time; without it, up to now.")

    def asked(self) -> Asked:
        """The time. Raises `BadParameter` where it is too long."""
        form = self.form.cleaned_data
        group = form["group"] or "day"
        span, until = SPANS[group], form["until"] or timezone.now()
        since = form["since"] or until - timedelta(days=span.default)
        if until - since > timedelta(days=span.longest):
            raise BadParameter(
                "bad_parameter", {"since": [f"At most {span.longest} days can be asked for by {group}."]}
            )
        return Asked(group, since, until)

    def no_filter(self, rows: QuerySet[Any], _: str, __: Any) -> QuerySet[Any]:
        """Said of all together."""
        return rows
