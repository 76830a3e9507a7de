"""Reads files back as their readers do: the csv module, and openpyxl, pandas and polars with defaults."""

import csv
from io import BytesIO, StringIO
from typing import Any

import openpyxl
import pandas
import polars

MARK = b"\xef\xbb\xbf"
Rows = list[list[Any]]


def rows_of(content: bytes) -> list[list[str]]:
    """The rows of a CSV file, its head first, as a program in a comma locale has them."""
    assert content.startswith(MARK)
    return list(csv.reader(StringIO(content.decode("utf-8-sig"), newline=""), strict=True))


def table_of(content: bytes) -> list[dict[str, str]]:
    """The rows of a CSV file by the names of their columns."""
    head, *rows = rows_of(content)
    return [dict(zip(head, row, strict=True)) for row in rows]


def xlsx_rows(content: bytes, sheet: str = "") -> Rows:
    """The rows of a sheet, by default of the first, as openpyxl has them. None of them is a formula."""
    workbook = openpyxl.load_workbook(BytesIO(content))
    found: Any = workbook[sheet] if sheet else workbook.worksheets[0]
    assert found.freeze_panes == "A2"
    assert [cell.coordinate for row in found.iter_rows() for cell in row if cell.data_type == "f"] == []
    return [[cell.value for cell in row] for row in found.iter_rows()]


def frames(content: bytes, form: str) -> list[tuple[list[str], int]]:
    """The names of the columns and the number of rows that pandas and polars have by default."""
    if form == "csv":
        found = pandas.read_csv(BytesIO(content))
        also = polars.read_csv(BytesIO(content))
    else:
        found = pandas.read_excel(BytesIO(content))
        also = polars.read_excel(BytesIO(content))
    return [([str(name) for name in found.columns], len(found)), (also.columns, also.height)]


def read_by_all(content: bytes, form: str) -> Rows:
    """The rows of a file with their head, after pandas and polars found as many columns and rows in it."""
    rows: Rows = rows_of(content) if form == "csv" else xlsx_rows(content)
    head, size = [str(name) for name in rows[0]], len(rows) - 1
    assert len(set(head)) == len(head), head
    assert {len(row) for row in rows} == {len(head)}
    if size:  # polars takes a sheet without rows for an empty one
        assert frames(content, form) == [(head, size)] * 2
    return rows
