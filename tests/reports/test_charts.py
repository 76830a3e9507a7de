"""Charts, tables and files: time axes, gaps, readable numbers, exact CSV."""

import re
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest

from events.lib.formatting import short_count
from events.lib.sparkline import sparkline
from events.spreadsheets.files import content
from reports.charts import markup
from reports.charts.bar_chart import Bar, BarChart, steps
from reports.charts.numbers import (
    BYTES,
    SECONDS,
    SHARE,
    Change,
    Number,
    Unit,
    change,
    count,
    mean,
    money,
    points,
    ticks,
)
from reports.charts.table import Amount, Column, Row, Table
from reports.charts.time_chart import Draw, Series, TimeChart, buckets_of, time_ticks, top_and_rest
from reports.pages.cost.wording import precise, signed
from reports.periods import Granularity, Period
from tests.spreadsheets.reading import rows_of, xlsx_rows

EVENTS = count("events")
BERLIN = ZoneInfo("Europe/Berlin")
NOW = datetime(2026, 3, 30, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0, "0"),
        (999, "999"),
        (1_000, "1 k"),
        (12_345, "12.3 k"),
        (999_499, "999 k"),
        (999_700, "1 M"),
        (999_960, "1 M"),
        (1_234_567, "1.2 M"),
        (-5_600, "-5.6 k"),
        (2.345, "2.35"),
        (3 * 10**9, "3 G"),
    ],
)
def test_large_numbers_are_abbreviated(value: Number, text: str) -> None:
    assert short_count(value) == text


@pytest.mark.parametrize(
    ("unit", "value", "text", "exact"),
    [
        (EVENTS, 1_234_567, "1.2 M", "1,234,567 events"),
        (SHARE, 0.0004, "< 0.1 %", "0.040 %"),
        (SHARE, 0.9999, "> 99.9 %", "99.990 %"),
        (SHARE, 0.125, "12.5 %", "12.500 %"),
        (SHARE, 1.0049, "100.5 %", "100.490 %"),
        (SECONDS, 4_000, "1 h 6 min", "4,000.000 s"),
        (BYTES, 1_500_000, "1.5 MB", "1,500,000 bytes"),
        (money("EUR"), Decimal("1234.56"), "1,234.56 EUR", "1,234.56 EUR"),
        (money("EUR"), Decimal("0.000123"), "0.000123 EUR", "0.000123 EUR"),
        (mean("pages"), 2.5, "2.5", "2.5 pages"),
        (EVENTS, None, None, "no data"),
    ],
)
def test_each_unit_has_its_format(unit: Unit, value: Number | None, text: str | None, exact: str) -> None:
    assert unit.exactly(value) == exact
    assert value is None or unit.short(value) == text


@pytest.mark.parametrize(
    ("value", "before", "more_is", "expected"),
    [
        (110, 100, "bad", Change("10 % more", "bad")),
        (90, 100, "bad", Change("10 % less", "good")),
        (5, 0, "", Change("none before")),
        (5, 5, "good", Change("as before")),
        (1001, 1000, "", Change("< 1 % more")),
        (50, 2, "", Change("25 times as much")),
        (5, None, "", None),
    ],
)
def test_a_change_is_described_in_words(
    value: Number, before: Number | None, more_is: str, expected: Change | None
) -> None:
    assert change(value, before, more_is=more_is) == expected


def test_changes_in_sentences_have_as_or_than() -> None:
    assert [Change(text).than for text in ("25 times as much", "10 % more")] == [
        "25 times as much as",
        "10 % more than",
    ]


@pytest.mark.parametrize(
    ("value", "before", "expected"),
    [
        (0.136, 0.039, Change("9.7 points more", "bad")),
        (0.1, 0.5, Change("40.0 points less", "good")),
        (0.0100001, 0.01, Change("< 0.1 points more", "bad")),
        (0.00792, 0.00946, Change("0.1 points less", "good")),  # 0.8 % and 0.9 %
        (0.2, 0.2, Change("as before")),
        (0.2, None, None),
    ],
)
def test_a_change_of_a_share_is_in_percentage_points(
    value: float, before: float | None, expected: Change | None
) -> None:
    assert points(value, before, more_is="bad") == expected


def test_a_single_count_shows_all_digits_up_to_99999() -> None:
    assert [EVENTS.at_large(value) for value in (8_041, 99_999, 1_234_567)] == ["8,041", "99,999", "1.2 M"]
    assert [SHARE.at_large(0.136), BYTES.at_large(8_041)] == ["13.6 %", "8 kB"]


def test_numbers_of_a_column_have_equal_decimals_and_zeros_no_link() -> None:
    columns = (Column("name", "Name"), Column("share", "Share", SHARE), Column("mean", "Mean", mean("")))
    rows = [(0.8, 4), (0.723, 3.94), (0, 0), (None, 1_766.5)]
    table = Table(columns, tuple(Row(("x", *cells), hrefs={"share": "/behind/"}) for cells in rows))
    shown = table.shown()
    assert [row[1].text for row in shown] == ["80.0 %", "72.3 %", "0 %", "-"]
    assert [row[2].text for row in shown] == ["4.00", "3.94", "0", "1,766.50"]
    assert [row[1].href for row in shown] == ["/behind/", "/behind/", "", ""]


def test_an_id_is_shortened_and_does_not_wrap() -> None:
    (cell,) = Table(
        (Column("id", "Id", is_id=True),), (Row(("045c5286-76fa-44f3-ae40-ea9c7acb6a0a",)),)
    ).shown()[0]
    assert (cell.text, cell.exact, cell.is_in_one_line) == (
        "045c528…acb6a0a", "045c5286-76fa-44f3-ae40-ea9c7acb6a0a", True,
    )  # fmt: skip


@pytest.mark.parametrize("most", [0, 0.3, 1, 3, 7, 99, 101, 12_345, 10**9 + 1])
@pytest.mark.parametrize("unit", [EVENTS, SHARE, SECONDS, mean("x")])
def test_an_axis_begins_at_zero_and_covers_the_largest_value(most: float, unit: Unit) -> None:
    found = ticks(most, unit)
    assert found[0][0] == 0
    assert found[-1][0] >= most
    assert 2 <= len(found) <= 8
    assert len({text for _, text in found}) == len(found), "labels of ticks are unique"


def chart(values: tuple[int | None, ...], **options: object) -> TimeChart:
    period = Period(date(2026, 3, 28), date(2026, 3, 31), BERLIN)
    buckets = buckets_of(period, Granularity.DAY, NOW, lambda first, last: f"?from={first}&to={last}")
    return TimeChart("Events", period, buckets, (Series("log", values, 4, ("kind", "log")),), EVENTS)


def test_numbers_of_a_chart_link_to_what_they_count() -> None:
    def behind(since: datetime, until: datetime) -> str:
        return f"?since={since:%d %H}&until={until:%d %H}"

    drawn = chart((1, 0, None))
    series = replace(drawn.series[0], behind=behind)
    rows = replace(drawn, series=(series,)).table().rows
    assert [row.hrefs for row in rows] == [{}, {}, {"log": "?since=27 23&until=28 23"}]


def test_buckets_are_correct_across_clock_changes() -> None:
    buckets = chart((1, 2, 3)).buckets
    assert [bucket.end - bucket.start for bucket in buckets] == [timedelta(hours=h) for h in (24, 23, 24)]
    assert [bucket.is_running for bucket in buckets] == [False, False, True]
    assert buckets[1].label == "Sun 29 Mar 2026"
    assert buckets[1].utc == "2026-03-28 23:00 UTC"
    assert buckets[1].href == "?from=2026-03-29&to=2026-03-29"


def test_ticks_of_time_are_at_round_local_times() -> None:
    zone = ZoneInfo("Asia/Kathmandu")
    for days in (1, 2, 7, 30, 92, 370, 1_000):
        period = Period(date(2026, 1, 1), date(2026, 1, 1) + timedelta(days=days), zone)
        found = time_ticks(period)
        assert 2 <= len(found) <= 10, days
        for ms, _ in found:
            at = datetime.fromtimestamp(ms / 1000, zone)
            assert at.minute == 0
            assert days <= 2 or at.hour == 0


def test_a_gap_is_shown_in_chart_table_and_csv() -> None:
    drawn = chart((1, None, 0))
    (series,) = drawn.spec()["series"]
    assert series["values"] == [1.0, None, 0.0]
    assert series["texts"] == ["1 events", "no data", "0 events"]
    table = drawn.table()
    assert [row.cells[1] for row in table.rows] == [0, None, 1], "the latest first"
    assert [row[1].text for row in table.shown()] == ["0", "-", "1"]
    assert rows_of(content(table.sheet("x"), "csv"))[2][1] == ""
    assert not drawn.is_empty
    assert chart((0, None, None)).is_empty


def test_the_axis_covers_stacked_sums_but_single_lines() -> None:
    one = chart((5, 5, 5))
    two = Series("error", (5, 5, 5), 1)
    beside = Series("before", (8, 8, 8), 7, is_beside=True)
    for draw, top in ((Draw.BARS, 10), (Draw.AREAS, 10), (Draw.LINES, 8)):
        both = TimeChart(one.sentence, one.period, one.buckets, (*one.series, two, beside), EVENTS, draw)
        assert top <= both.spec()["ticks"][-1][0] <= top + 4


def test_series_beyond_the_most_are_summed_as_others() -> None:
    found = top_and_rest([(f"s{number}", (number, None)) for number in range(12)])
    assert [name for name, _ in found] == ["s11", "s10", "s9", "s8", "s7", "s6", "s5", "others"]
    assert found[-1][1] == (0 + 1 + 2 + 3 + 4, None)
    assert len(top_and_rest([(f"s{number}", (1,)) for number in range(8)])) == 8


def test_steps_show_their_share_of_the_previous_step() -> None:
    found = steps("Steps", [("home", 100, ""), ("search", 50, ""), ("play", 5, "")], EVENTS)
    assert [bar.note for bar in found.bars] == ["", "50 % of the step before", "10 % of the step before"]
    assert BarChart("x", (Bar("a", 0),), EVENTS).is_empty


def test_tables_can_be_sorted_with_missing_values_last() -> None:
    columns = (Column("name", "Name"), Column("n", "N", EVENTS, has_bar=True))
    table = Table(columns, (Row(("b", 2)), Row(("A", None)), Row(("c", 10))))
    assert [row.cells[0] for row in table.ordered("-n").rows] == ["c", "b", "A"]
    assert [row.cells[0] for row in table.ordered("n").rows] == ["b", "c", "A"]
    assert [row.cells[0] for row in table.ordered("name").rows] == ["A", "b", "c"]
    assert table.ordered("-nothing") is table
    assert [row[1].bar for row in table.shown()] == [20.0, None, 100.0]


def test_csv_has_exact_numbers_and_no_formulas() -> None:
    columns = (Column("name", "Name"), Column("n", "N", SHARE), Column("a", "A", is_amounts=True))
    table = Table(
        columns, (Row(('=HYPERLINK("x")', 0.123456789, Amount(7, SECONDS))), Row(("+1", None, None)))
    )
    assert content(table.sheet("x"), "csv").decode("utf-8-sig").splitlines() == [
        '"name","n","a","unit"',
        '"\'=HYPERLINK(""x"")",0.123456789,7,"s"',
        '"\'+1",,,',
    ]


def test_file_headers_state_zone_unit_and_estimates() -> None:
    at = datetime(2026, 10, 25, 0, 30, tzinfo=UTC)
    columns = (
        Column("started", "Started"),
        Column("time", "Time", SECONDS, is_estimate=True),
        Column("size", "Size", BYTES),
        Column("cost", "Cost", money("EUR")),
        Column("week", "Week", zone="Asia/Kolkata"),
    )
    rows = (Row((at.astimezone(BERLIN), 120.0, 10, Decimal("0.00012"), date(2026, 10, 19))),)
    made = rows_of(content(Table(columns, rows).sheet("x"), "csv"))
    assert made == [
        [
            "started (Europe/Berlin)",
            "time (s, estimate)",
            "size (bytes)",
            "cost (EUR)",
            "week (Asia/Kolkata)",
        ],
        ["2026-10-25T02:30:00+02:00", "120", "10", "0.00012", "2026-10-19"],
    ]


def test_a_repeated_hour_is_two_hours_on_pages_and_in_files() -> None:
    period = Period(date(2026, 10, 25), date(2026, 10, 26), BERLIN)
    buckets = buckets_of(period, Granularity.HOUR, NOW)
    drawn = TimeChart("x", period, buckets, (Series("log", (1,) * 25, 4),), EVENTS)
    labels = [row[0].text for row in drawn.table().shown()][::-1]
    assert labels[1:5] == [
        "Sun 25 Oct 2026, 01:00",
        "Sun 25 Oct 2026, 02:00 (+02:00)",
        "Sun 25 Oct 2026, 02:00 (+01:00)",
        "Sun 25 Oct 2026, 03:00",
    ]
    sheet = drawn.table().sheet("x")
    head, *rows = rows_of(content(sheet, "csv"))
    assert (head[0], rows[-3][0]) == ("time (Europe/Berlin)", "2026-10-25T02:00:00+02:00")
    assert len({row[0] for row in rows}) == len(set(labels)) == 25
    assert len({row[1] for row in xlsx_rows(content(drawn.table().sheet("x"), "xlsx"))[1:]}) == 25
    clocks = Table(
        (Column("at", "At"),), tuple(Row((bucket.start.astimezone(BERLIN),)) for bucket in buckets)
    )
    assert len({row[0].text for row in clocks.shown()}) == 25


def test_days_are_dates_in_xlsx() -> None:
    head, *rows = xlsx_rows(content(chart((1, 2, 3)).table().sheet("x"), "xlsx"))
    assert (head[0], [f"{row[0]:%Y-%m-%d %H:%M}" for row in rows]) == (
        "time (Europe/Berlin)",
        ["2026-03-30 00:00", "2026-03-29 00:00", "2026-03-28 00:00"],
    )


EUR = money("EUR")


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        (("0.5", "12", "0"), ["0.50 EUR", "12.00 EUR", "0.00 EUR"]),
        (("0.0012", "0.123", "7.5"), ["0.0012 EUR", "0.1230 EUR", "7.5000 EUR"]),
        (("0.00123", "0.5"), ["0.00123 EUR", "0.50000 EUR"]),
        (("12345.678", "3"), ["12,345.68 EUR", "3.00 EUR"]),
        (("0.000012", "250"), ["< 0.0001 EUR", "250.0000 EUR"]),
        (("-0.000012", "-250"), ["> -0.0001 EUR", "-250.0000 EUR"]),
        (("0.000000012", "1"), ["< 0.000001 EUR", "1.000000 EUR"]),
    ],
)
def test_amounts_of_a_column_have_equal_decimals(values: tuple[str, ...], expected: list[str]) -> None:
    rows = tuple(Row(("x", Decimal(value), Amount(Decimal(value), EUR))) for value in values)
    columns = (Column("name", "Name"), Column("cost", "Cost", EUR), Column("sum", "Sum", is_amounts=True))
    shown = Table(columns, rows).shown()
    assert [row[1].text for row in shown] == expected
    assert [row[2].text for row in shown] == expected
    assert all(row[1].exact == EUR.exact(Decimal(value)) or row[1].text == EUR.exact(Decimal(value))
               for row, value in zip(shown, values, strict=True)), "the tooltip has all digits"  # fmt: skip


def test_differences_and_unit_prices_have_equal_decimals() -> None:
    columns = (
        Column("n", "N"),
        Column("more", "More", signed("EUR")),
        Column("price", "Price", precise("EUR")),
    )
    found = [("0.0012", "0.1"), ("-3", "1.16844115"), ("0", "2")]
    table = Table(columns, tuple(Row(("x", *map(Decimal, values))) for values in found))
    assert [[cell.text for cell in row[1:]] for row in table.shown()] == [
        ["+0.0012 EUR", "0.10000000 EUR"],
        ["-3.0000 EUR", "1.16844115 EUR"],
        ["0.0000 EUR", "2.00000000 EUR"],
    ]


def test_names_of_series_in_csv_headers_are_never_formulas() -> None:
    period = Period(date(2026, 3, 29), date(2026, 3, 30), BERLIN)
    (bucket,) = buckets_of(period, Granularity.DAY, NOW)
    chart = TimeChart("x", period, (bucket,), (Series('=HYPERLINK("x")', (1,), 0),), EVENTS)
    head = content(chart.table().sheet("x"), "csv").decode("utf-8-sig").splitlines()[0]
    assert head == '"time (Europe/Berlin)","\'=hyperlink(""x"")"'


@pytest.mark.parametrize("unit", [EVENTS, SHARE, SECONDS, BYTES, mean("ms"), money("EUR")])
@pytest.mark.parametrize("value", [5e-324, 1e-13, 1e300, 1.7e308, float("inf")])
def test_an_axis_of_extreme_values_has_distinct_finite_ticks(unit: Unit, value: float) -> None:
    found = [at for at, _ in ticks(value, unit)]
    assert found == sorted(set(found))
    assert found[0] == 0 < found[-1] < float("inf")


def test_heat_columns_share_one_scale() -> None:
    columns = (
        Column("day", "Day"),
        Column("a", "A", EVENTS, is_heat=True),
        Column("b", "B", EVENTS, is_heat=True),
    )
    table = Table(columns, (Row(("Mon", 10, 5)), Row(("Tue", 0, 1))))
    assert [[cell.heat for cell in row[1:]] for row in table.shown()] == [[10, 5], [None, 1]]


def test_a_long_text_is_shortened_with_the_full_text_as_tooltip() -> None:
    long = "https://apps.example/" + "x" * 80 + "/end"
    (cell,) = Table((Column("page", "Page"),), (Row((long,)),)).shown()[0]
    assert (cell.exact, "…" in cell.text, cell.text.endswith("/end")) == (long, True, True)


def test_a_sparkline_has_gaps_for_missing_data() -> None:
    drawn = str(sparkline([1, 2, None, 3, 0]))
    assert re.findall(r'x="(\d+)"', drawn) == ["0", "8", "24", "32"]
    assert 'aria-hidden="true"' in drawn
    assert sparkline([0, 0, 0]) == ""
    assert sparkline([1, 5, None, None]) == "", "two bars show no trend"


def test_rows_are_rendered_with_links_bars_and_escaped_text() -> None:
    evil = '"><script>alert(1)</script>'
    columns = (Column("name", "Name"), Column("of", "Of", EVENTS, has_bar=True), Column("said", evil))
    hrefs, tones = {"of": f"/a/?b=c&d={evil}"}, {"of": "bad"}
    rows = (Row((evil, 2, evil * 3), href=f"/{evil}", hrefs=hrefs, tones=tones, hue=3), Row(("x", 4, None)))
    first, second = markup.rows(Table(columns, rows))
    assert "<script" not in first
    assert first.count("<a ") == 2
    assert 'href="/a/?b=c&amp;d=&quot;&gt;' in first
    assert (
        '<th scope="row"><span class="tally-swatch tally-hue-3"></span><a class="tally-id" href="/&quot;'
        in first
    )
    assert (
        '<td class="tally-attention" data-label="Of"><span class="tally-share"><svg aria-hidden="true">'
        '<rect width="50.0%"' in first
    )
    assert second.startswith(
        '<tr><th scope="row"><span class="tally-id">x</span></th>'
        '<td data-label="Of"><span class="tally-share">'
    )
    label = "&quot;&gt;&lt;script&gt;alert(1)&lt;/script&gt;"
    assert second.endswith(f'<td class="tally-start" data-label="{label}">-</td></tr>')
