"""What pages show beside what they are about: the series of the period that it is compared with."""

from collections.abc import Sequence

from reports.charts import palette
from reports.charts.numbers import Number
from reports.charts.time_chart import Series


def beside(name: str, before: Sequence[Number | None] | None, places: int) -> list[Series]:
    """The buckets of the period before, by their place; none where nothing is compared."""
    if before is None:
        return []
    values = (*before, *(None,) * places)[:places]
    return [Series(name, values, palette.REST, is_beside=True)]
