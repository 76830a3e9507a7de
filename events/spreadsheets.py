"""Spreadsheets: lines of CSV in which no text from elsewhere is a formula."""

import csv
import json
from collections.abc import Iterable
from datetime import datetime
from typing import Any

from events.words import number

# What spreadsheets take for the beginning of a formula.
FORMULA = ("=", "+", "-", "@", "\t", "\r")


class _Line:
    """What a csv.writer writes to: it hands the line back."""

    def write(self, text: str) -> str:
        return text


def line(cells: Iterable[str]) -> str:
    """A line of CSV with its end. A text that isn't ours has gone through `cell`."""
    written: str = csv.writer(_Line()).writerow(cells)  # what write returned; typeshed has it as Any
    return written


def cell(value: Any) -> str:
    """A value as a cell of CSV: text that a spreadsheet would compute is kept from it by an apostrophe."""
    if value is None:
        return ""
    if isinstance(value, str):
        return f"'{value}" if value.startswith(FORMULA) else value
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, float):
        return number(value)
    if isinstance(value, dict | list):
        return cell(json.dumps(value, ensure_ascii=False))
    return str(value)
