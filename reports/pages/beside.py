"""What pages show beside what they are about: series and columns of the period that it is compared with."""

from collections.abc import Sequence

from django.utils.text import capfirst

from reports.charts import palette
from reports.charts.numbers import Number, Unit
from reports.charts.table import Column
from reports.charts.time_chart import Series
from reports.filters import Filters
from reports.pages.page import Context


def beside(name: str, before: Sequence[Number | None] | None, places: int) -> list[Series]:
    """The buckets of the period before, by their place; none where nothing is compared."""
    if before is None:
        return []
    values = (*before, *(None,) * places)[:places]
    return [Series(name, values, palette.REST, is_beside=True)]


def before_of(unit: Unit, filters: Filters, context: Context) -> tuple[Column, ...]:
    """The column of the period before; none where nothing is compared."""
    return (Column("before", "Before", unit, note=capfirst(context.compared)),) if filters.compare else ()
