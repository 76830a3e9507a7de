"""CSV and XLSX files, read by openpyxl, pandas and polars with default arguments."""
# ruff: noqa: RUF001  (texts in many scripts are intended)

import json
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from io import BytesIO
from typing import Any
from zoneinfo import ZoneInfo

import openpyxl
import pandas
import polars
import pytest

from events.spreadsheets import xlsx_file
from events.spreadsheets.files import content, workbook
from events.spreadsheets.sheet import Formatted, Heading, Sheet
from tests.spreadsheets.reading import MARK, read_by_all, rows_of, table_of, xlsx_rows

# Texts that have caused trouble in comparable systems.
TEXTS = {
    "hindi": "पाठ १: पौधे",
    "kannada": "ಪಾಠ ಒಂದು",
    "umlaut": "Prüfung",
    "joiners": "മലയാളം ന്‍ क्\u200dष می\u200cخواهم 👩\u200d🏫",
    "lf formula": "\n=1+1",
    "fullwidth": "＝1+1",
    "space formula": " =1+1",
    "tab": "\t=1",
    "nbsp": "\N{NO-BREAK SPACE}=1+1",
    "semicolon formula": "a;=1+1",
    "leading zero": "0001194",
    "long digits": "31220475204536320001",
    "scientific": "12E10",
    "date-like": "3-4",
    "semicolon": "a;b",
    "quote": 'a"b',
    "newline": "a\r\nb",
    "escape": "_x0041_",
    "markup": "<b>&amp;</b>",
    "markup of the library": "<r>a & b</r>",
    "empty markup of the library": "<r></r>",
    "link": "http://example.org/",
    "truth": "TRUE",
    "nothing": "#N/A",
}
BERLIN = ZoneInfo("Europe/Berlin")
# The clocks show 02:30 twice on that day.
TWICE = [datetime(2026, 10, 25, hour, 30, tzinfo=UTC).astimezone(BERLIN) for hour in (0, 1)]


def texts() -> Sheet:
    return Sheet("Texts", [Heading("name"), Heading("text")], [list(each) for each in TEXTS.items()])


def test_texts_are_unchanged_in_xlsx() -> None:
    made = content(texts(), "xlsx")
    unescaped = {name: text.replace("\r", "_x000D_") for name, text in TEXTS.items()}
    expected = {name: text.replace("_x0041_", "_x005F_x0041_") for name, text in unescaped.items()}
    assert dict(xlsx_rows(made)[1:]) == expected, "openpyxl shows Excel's escapes"
    read = pandas.read_excel(BytesIO(made), keep_default_na=False)
    assert dict(zip(read["name"], read["text"], strict=True)) == expected
    frame = polars.read_excel(BytesIO(made))
    assert dict(zip(frame["name"], frame["text"], strict=True)) == TEXTS


def test_texts_are_unchanged_in_csv_except_for_apostrophes() -> None:
    made = content(texts(), "csv")
    assert made.startswith(MARK)
    found = dict(rows_of(made)[1:])
    changed = {name for name in TEXTS if found[name] != TEXTS[name]}
    assert changed == {"lf formula", "fullwidth", "space formula", "tab", "nbsp", "semicolon formula"}
    assert found["semicolon formula"] == "a;'=1+1"
    assert found["fullwidth"] == "'＝1+1"
    for read in (pandas.read_csv(BytesIO(made), keep_default_na=False), polars.read_csv(BytesIO(made))):
        assert dict(zip(read["name"], read["text"], strict=True)) == found


@pytest.mark.parametrize("form", ["csv", "xlsx"])
def test_every_reader_finds_all_columns_and_rows(form: str) -> None:
    rows: list[list[Any]] = [
        [1, 2.5, None, "a\nb", True, TWICE[0], date(2026, 1, 2)],
        [*[None] * 6, date(2026, 1, 3)],
        [3, -1, "", "x", False, None, None],
    ]
    names = ("whole", "broken", "nothing", "=text", "flag", "time", "day")
    headings = [Heading(name, "UTC" if name == "time" else "") for name in names]
    assert len(read_by_all(content(Sheet("x", headings, rows), form), form)) == 4


def test_times_have_an_offset_and_headers_the_zone() -> None:
    sheet = Sheet("Times", [Heading("since", "Europe/Berlin")], [[at] for at in TWICE])
    assert rows_of(content(sheet, "csv")) == [
        ["since (Europe/Berlin)"], ["2026-10-25T02:30:00+02:00"], ["2026-10-25T02:30:00+01:00"],
    ]  # fmt: skip


def test_xlsx_has_utc_to_distinguish_a_repeated_hour() -> None:
    sheet = Sheet("Times", [Heading("since", "Europe/Berlin"), Heading("n")], [[at, 1] for at in TWICE])
    made = content(sheet, "xlsx")
    local = datetime(2026, 10, 25, 2, 30)  # noqa: DTZ001  (Excel has no zones)
    assert xlsx_rows(made) == [
        ["since (Europe/Berlin)", "since (UTC)", "n"],
        [local, local - timedelta(hours=2), 1],
        [local, local - timedelta(hours=1), 1],
    ]
    assert [str(kind) for kind in pandas.read_excel(BytesIO(made)).dtypes[:2]] == ["datetime64[us]"] * 2
    assert [kind.is_temporal() for kind in polars.read_excel(BytesIO(made)).dtypes] == [True, True, False]


def test_days_are_dates_without_a_time_in_xlsx() -> None:
    at = datetime(2026, 10, 25, tzinfo=BERLIN)
    made = content(Sheet("Days", [Heading("day", "Europe/Berlin", is_day=True)], [[at]]), "xlsx")
    cell = openpyxl.load_workbook(BytesIO(made)).worksheets[0]["A2"]
    assert (cell.is_date, cell.number_format) == (True, "yyyy-mm-dd")
    assert cell.value == datetime(2026, 10, 25)  # noqa: DTZ001  (Excel has no zones)


NUMBERS: list[tuple[Any, str, Any]] = [
    (0, "0", 0),
    (-12, "-12", -12),
    (2**53, "9007199254740992", "9007199254740992"),
    (0.1, "0.1", 0.1),
    (3.0, "3", 3),
    (1e22, "1e+22", 1e22),
    (float("inf"), "inf", "inf"),
    (Decimal("0.000000123456789012345678"), "0.000000123456789012345678", 1.234567890123457e-07),
    (Decimal("12.500"), "12.5", 12.5),
    (Decimal("1E+3"), "1000", 1000),
    (Decimal(18446744073709551615), "18446744073709551615", "18446744073709551615"),
    (Formatted(Decimal("0.5"), "0.0%"), "0.5", 0.5),
    (True, "True", True),
    ({"a": [1, "é"]}, '{"a": [1, "é"]}', '{"a": [1, "é"]}'),
    (None, "", None),
]


@pytest.mark.parametrize(("value", "as_csv", "as_xlsx"), NUMBERS, ids=[text for _, text, _ in NUMBERS])
def test_values_are_exact(value: Any, as_csv: str, as_xlsx: Any) -> None:
    sheet = Sheet("x", [Heading("n"), Heading("last")], [[value, "-"]])
    assert rows_of(content(sheet, "csv"))[1][0] == as_csv
    assert xlsx_rows(content(Sheet("x", sheet.headings, [[value, "x"]]), "xlsx"))[1][0] == as_xlsx


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (2.125, "2.1250"),
        (Decimal("-0.141"), "-0.1410"),
        (Decimal("999.5010"), "999.5010"),
        (Decimal("1234.125"), "1234.125"),  # can't be mistaken for grouped digits
        (2.5, "2.5"),
    ],
)
def test_no_number_looks_grouped_with_decimal_commas(value: Any, text: str) -> None:
    sheet = Sheet("Numbers", [Heading("number")], [[value]])
    assert content(sheet, "csv").decode("utf-8-sig").splitlines()[1] == text


def test_type_guessing_readers_get_numbers() -> None:
    sheet = [["a", 1, Decimal("0.25")], ["b", 2, Decimal(3)]]
    made = content(Sheet("x", [Heading("name"), Heading("n"), Heading("cost", unit="EUR")], sheet), "csv")
    assert polars.read_csv(BytesIO(made)).schema.dtypes() == [polars.String, polars.Int64, polars.Float64]
    assert [str(kind) for kind in pandas.read_csv(BytesIO(made)).dtypes[1:]] == ["int64", "float64"]


def test_headers_state_zone_unit_and_estimate_and_are_unique() -> None:
    headings = [
        Heading("median", unit="s", is_estimate=True),
        *map(Heading, ("a", "a", "")),
        Heading("at", "UTC"),
    ]
    assert Sheet("x", headings, []).head() == ["median (s, estimate)", "a", "a 2", "(no name)", "at (UTC)"]


def test_rows_beyond_the_limit_of_a_sheet_continue_on_another(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(xlsx_file, "MOST_ROWS", 4)
    made = content(Sheet("Events", [Heading("n")], ([number] for number in range(7))), "xlsx")
    found = openpyxl.load_workbook(BytesIO(made))
    assert found.sheetnames == ["Events", "Events 2", "Events 3"]
    assert [xlsx_rows(made, name) for name in found.sheetnames] == [
        [["n"], [0], [1], [2]], [["n"], [3], [4], [5]], [["n"], [6]],
    ]  # fmt: skip


def test_sheet_names_are_valid_in_excel() -> None:
    titles = ["", "a/b:c*?[d]\\'", "x" * 40, "x" * 41, "Over time", "over time"]
    found = openpyxl.load_workbook(BytesIO(workbook(Sheet(title, [Heading("n")], []) for title in titles)))
    assert len({name.casefold() for name in found.sheetnames}) == 6
    assert all(0 < len(name) <= 31 and not set(name) & set("[]:*?/\\'") for name in found.sheetnames)


def test_a_text_too_long_for_a_cell_is_truncated_with_a_note() -> None:
    long = "😀" * 20_000
    (_, (text,)) = xlsx_rows(content(Sheet("x", [Heading("t")], [[long]]), "xlsx"))
    assert len(text.encode("utf-16-le")) <= 2 * xlsx_file.LONGEST
    assert text.endswith("… (cut; CSV has all 20,000 characters)")
    assert rows_of(content(Sheet("x", [Heading("t")], [[long]]), "csv"))[1] == [long]


@pytest.mark.parametrize("text", ["\ud800", "a\x00b", "\x01\x1f\x7f", "\ufffe\uffff", "\u202e"])
def test_files_with_odd_characters_are_readable(text: str) -> None:
    for form in ("csv", "xlsx"):
        read_by_all(content(Sheet("x", [Heading("t"), Heading("last")], [[text, "x"]]), form), form)
        content(Sheet("x", [Heading(text)], [["x"]]), form)


def test_times_before_excels_calendar_are_texts() -> None:
    at = datetime(1899, 12, 31, 12, tzinfo=UTC)
    made = content(Sheet("x", [Heading("t", "UTC")], [[at]]), "xlsx")
    assert xlsx_rows(made)[1] == ["1899-12-31T12:00:00+00:00"]


def test_columns_are_as_wide_as_their_values_within_bounds() -> None:
    sheet = Sheet("x", [Heading("n"), Heading("t"), Heading("long")], [[1, "x" * 20, "y" * 500]])
    found = openpyxl.load_workbook(BytesIO(content(sheet, "xlsx"))).worksheets[0].column_dimensions
    assert found["A"].width < found["B"].width < found["C"].width < 65


def test_rows_are_written_as_they_arrive() -> None:
    """No row is kept in memory until the next."""
    alive = 0

    class Row(list[Any]):
        def __init__(self, *values: Any) -> None:
            nonlocal alive
            super().__init__(values)
            alive += 1
            assert alive <= 2

        def __del__(self) -> None:
            nonlocal alive
            alive -= 1

    def rows() -> Iterator[Row]:
        for number in range(50):
            yield Row(number, f"text {number}")

    for form in ("csv", "xlsx"):
        assert len(read_by_all(content(Sheet("x", [Heading("n"), Heading("t")], rows()), form), form)) == 51


def test_no_temporary_files_are_left(tmp_path: Any) -> None:
    def broken() -> Iterator[list[Any]]:
        yield ["x"]
        raise ValueError("stopped")

    with (tmp_path / "a.xlsx").open("wb") as file:
        xlsx_file.write([Sheet("x", [Heading("t")], [["a"]])], file, tmp_path)
        with pytest.raises(ValueError, match="stopped"):
            xlsx_file.write([Sheet("x", [Heading("t")], broken())], file, tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["a.xlsx"]


def test_all_text_of_a_workbook_can_be_searched(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(xlsx_file, "_CHUNK", 64)
    texts = ['ann & "<bea>"', "a\rb", "मीना", *(f"text {number}" for number in range(300))]
    made = content(Sheet("x", [Heading("t")], [[text] for text in texts]), "xlsx")
    pieces = list(xlsx_file.texts_in(BytesIO(made)))
    assert [text for text in texts if not any(text in piece for piece in pieces)] == []


def test_json_is_one_cell() -> None:
    made = content(Sheet("x", [Heading("j")], [[{"a": "=1"}]]), "csv")
    assert json.loads(table_of(made)[0]["j"]) == {"a": "=1"}
