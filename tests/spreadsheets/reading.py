"""Reads files as their users do: with csv, openpyxl, pandas and polars, with default arguments."""

import csv
from io import BytesIO, StringIO
from typing import Any

import openpyxl
import pandas
import polars

MARK = b"\xef\xbb\xbf"
Rows = list[list[Any]]


def rows_of(content: bytes) -> list[list[str]]:
    """Return the rows of a CSV file, header first, as read with a comma as separator."""
    assert content.startswith(MARK)
    return list(csv.reader(StringIO(content.decode("utf-8-sig"), newline=""), strict=True))


def table_of(content: bytes) -> list[dict[str, str]]:
    """Return the rows of a CSV file by column name."""
    head, *rows = rows_of(content)
    return [dict(zip(head, row, strict=True)) for row in rows]


def xlsx_rows(content: bytes, sheet: str = "") -> Rows:
    """Return the rows of a sheet, by default the first, as read by openpyxl. Fail on formulas."""
    workbook = openpyxl.load_workbook(BytesIO(content))
    found: Any = workbook[sheet] if sheet else workbook.worksheets[0]
    assert found.freeze_panes == "A2"
    assert [cell.coordinate for row in found.iter_rows() for cell in row if cell.data_type == "f"] == []
    return [[cell.value for cell in row] for row in found.iter_rows()]


def frames(content: bytes, form: str) -> list[tuple[list[str], int]]:
    """Return column names and number of rows as read by pandas and polars."""
    if form == "csv":
        found = pandas.read_csv(BytesIO(content))
        also = polars.read_csv(BytesIO(content))
    else:
        found = pandas.read_excel(BytesIO(content))
        also = polars.read_excel(BytesIO(content))
    return [([str(name) for name in found.columns], len(found)), (also.columns, also.height)]


def read_by_all(content: bytes, form: str) -> Rows:
    """Return the rows and the header of a file, after checking that pandas and polars read as many."""
    rows: Rows = rows_of(content) if form == "csv" else xlsx_rows(content)
    head, size = [str(name) for name in rows[0]], len(rows) - 1
    assert len(set(head)) == len(head), head
    assert {len(row) for row in rows} == {len(head)}
    if size:  # polars treats a sheet without rows as empty
        assert frames(content, form) == [(head, size)] * 2
    return rows
