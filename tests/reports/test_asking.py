"""Query parameters become filters within what a person may see; errors explain invalid ones."""

from datetime import date, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reports.pages.links import SHARED, changed, for_lists, for_reports
from reports.pages.parameters import BUCKETS, Choices, Parsed, parse
from reports.periods import Granularity
from tests.reports.asked import ZERO

CHOICES = Choices({1: "A", 2: "B"}, {7: "portal", 8: "agent"}, ("error", "log"), sees_all=False)


def parsed(query: dict[str, Any], **more: Any) -> Parsed:
    params = {name: value if isinstance(value, list) else [value] for name, value in query.items()}
    return parse(params, more.pop("choices", CHOICES), ZERO, **more)


def test_without_parameters_the_last_week_is_compared_with_the_week_before() -> None:
    found = parsed({})
    assert found.filters.owners == (1, 2)
    assert (found.filters.period.first, found.filters.period.last) == (date(2026, 3, 24), date(2026, 3, 30))
    before = found.filters.compare
    assert before is not None
    assert (before.first, before.until) == (date(2026, 3, 17), ZERO - timedelta(days=7)), "as far as this one"
    assert found.filters.granularity is Granularity.DAY
    assert (found.errors, found.params) == ((), {})


def test_filters_of_an_operator_list_no_owners() -> None:
    everything = Choices(CHOICES.owners, CHOICES.sources, CHOICES.kinds, sees_all=True)
    assert parsed({}, choices=everything).filters.owners is None
    assert parsed({"owner": "2"}, choices=everything).filters.owners == (2,)


@pytest.mark.parametrize(
    ("query", "sentence"),
    [
        ({"owner": "3"}, "There is no owner 3, or you may not see it; it is left out."),
        ({"source": "portal"}, "There is no source portal, or you may not see it; it is left out."),
        ({"kind": "nothing"}, "There is no kind nothing; it is left out."),
        ({"country": "Germany"}, "GERMANY is no country's code of two letters; it is left out."),
        ({"period": "ever"}, "There is no period ever; these are the last 7 days."),
        ({"from": "2026-02-30"}, "2026-02-30 isn't a date like 2026-01-31; these are the last 7 days."),
        (
            {"from": "2026-03-02", "to": "2026-03-01"},
            "The period ends before it begins; these are the last 7 days.",
        ),
        ({"to": "9999-12-31"}, "9999-12-31 is before 2000 or after 2099; these are the last 7 days."),
        (
            {"zone": "Mars"},
            "There is no time zone Mars; times are in UTC. Use a name like Europe/Berlin.",
        ),
        ({"compare": "x"}, "Nothing can be compared with x; it is left out."),
        ({"granularity": "x"}, "There are no steps of x; they are as fits the period."),
        (
            {"period": "30d", "granularity": "quarter_hour"},
            "Quarters of an hour would be too many for 30 days; steps are as fits the period.",
        ),
    ],
)
def test_an_invalid_parameter_is_explained_and_the_others_apply(query: dict[str, str], sentence: str) -> None:
    found = parsed(query | ({"source": ["7", query["source"]]} if "source" in query else {"source": "7"}))
    assert found.errors == (sentence,)
    assert found.filters.sources == (7,)
    assert found.params["source"] == ["7"]


def test_a_custom_period_is_in_the_chosen_zone() -> None:
    found = parsed({"from": "2026-03-28", "to": "2026-03-29", "zone": "Europe/Berlin", "compare": "year"})
    assert (
        f"{found.filters.period.since:%d %H:%M} {found.filters.period.until:%d %H:%M}" == "27 23:00 29 22:00"
    )
    assert found.filters.compare == found.filters.period.year_before()
    assert found.period == "custom"
    assert parsed({}, zone="Europe/Berlin").filters.period.zone.key == "Europe/Berlin"
    assert parsed({}, zone="no longer known").filters.period.zone.key == "UTC"


def test_a_link_changes_one_parameter_and_keeps_the_others() -> None:
    params = {"source": ["7", "8"], "period": ["30d"], "csv": ["kinds"]}
    assert changed(params, {"source": None, "kind": ["log"]}) == {"period": ["30d"], "kind": ["log"]}


@pytest.mark.parametrize(
    ("of_report", "of_list"),
    [
        ({"owner": ["1", "2"], "period": ["this_month"]}, {"owner": ["1,2"], "period": ["month"]}),
        ({"version": ["2", "3"], "period": ["7d"]}, {"version": ["2,3"], "period": ["7d"]}),
        (
            {"country": ["DE"], "from": ["2026-03-01"], "to": ["2026-03-02"]},
            {"country": ["DE"], "since": ["2026-03-01T00:00"], "until": ["2026-03-03T00:00"]},
        ),
        ({}, {}),
    ],
)  # fmt: skip
def test_filters_are_carried_over_between_reports_and_lists(of_report: Any, of_list: Any) -> None:
    assert for_lists(of_report | {"kind": ["log"], "granularity": ["hour"]}) == of_list
    assert for_reports(of_list | {"session": ["s1"], "q": ["x"]}) == of_report


def test_times_of_a_list_become_the_days_that_contain_them() -> None:
    asked_for = {"since": ["2026-03-01T18:00"], "until": ["2026-03-02T06:00"], "period": ["7d"]}
    assert for_reports(asked_for) == {"from": ["2026-03-01"], "to": ["2026-03-02"]}
    odd = {"since": ["yesterday"], "until": ["0001-01-01"], "owner": [""], "period": []}
    assert for_reports(odd) == for_lists({"from": ["x"], "to": ["9999-12-31"]}) == {}


@settings(max_examples=150)
@given(
    st.dictionaries(
        st.sampled_from(SHARED),
        st.lists(
            st.one_of(
                st.text(max_size=12),
                st.sampled_from(
                    ["1", "2", "7", "log", "custom", "30d", "2026-03-01", "2024-02-29", "hour", "DE"]
                ),
                st.dates().map(str),
            ),
            max_size=3,
        ),
    )
)
def test_no_parameters_give_filters_beyond_what_the_person_sees(query: dict[str, list[str]]) -> None:
    found = parsed(query)
    assert set(found.filters.owners or ()) <= set(CHOICES.owners)
    assert found.filters.owners
    assert set(found.filters.sources) <= set(CHOICES.sources)
    assert len(found.filters.period.buckets(found.filters.granularity)) <= BUCKETS + 1
    again = parse(found.params, CHOICES, ZERO)
    assert (again.filters, again.errors) == (found.filters, ())
