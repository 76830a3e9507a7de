"""Texts of report pages: line breaks, and the link offered when a report is empty."""

import pytest

from reports.pages.links import Links, Params, unfilter_link
from reports.pages.words import unbroken


def test_numbers_and_times_do_not_wrap() -> None:
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
def test_an_empty_report_links_to_wider_filters(params: Params, expected: dict[str, str]) -> None:
    found = {
        name: str(text).removeprefix("/reports/overview/")
        for name, text in unfilter_link(Links("overview", params)).items()
    }
    assert found == expected
