"""What pages say beside their numbers: sentences, the way out of nothing, what isn't summed up yet."""

import pytest

from reports.pages.links import Links, Params, unfilter_link
from reports.pages.words import unbroken


def test_lines_end_in_no_time_and_part_no_number_from_its_unit() -> None:
    assert unbroken("A & 1.5 % since 2026-11-20 00:04, in 2 steps") == (
        'A &amp; <span class="tally-nowrap">1.5 %</span>'
        ' since <span class="tally-nowrap">2026-11-20 00:04</span>, in 2 steps'
    )


@pytest.mark.parametrize(
    ("params", "expected"),
    [
        ({"source": ["3"], "period": ["today"]}, {"href": "?period=today", "label": "Clear all filters"}),
        ({"from": ["2020-01-01"], "zone": ["UTC"]}, {"href": "?zone=UTC", "label": "Show the last 7 days"}),
        ({"zone": ["UTC"]}, {}),
    ],
)
def test_the_way_out_of_nothing_changes_what_is_asked(params: Params, expected: dict[str, str]) -> None:
    found = {
        name: str(text).removeprefix("/reports/overview/")
        for name, text in unfilter_link(Links("overview", params)).items()
    }
    assert found == expected
