"""Files: each format of a table, as a response, as an attachment or written to disk."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import IO

from django.http import HttpResponse, StreamingHttpResponse
from django.http.response import HttpResponseBase

from events.spreadsheets import csv_file, xlsx_file
from events.spreadsheets.sheet import Sheet


@dataclass(frozen=True, slots=True)
class Format:
    """A file format."""

    title: str
    type: str
    write: Callable[[Sheet, IO[bytes], Path | None], None]  # the folder is for temporary files


def _write_csv(sheet: Sheet, file: IO[bytes], _: Path | None) -> None:
    file.writelines(csv_file.lines(sheet))


def _write_xlsx(sheet: Sheet, file: IO[bytes], folder: Path | None) -> None:
    xlsx_file.write([sheet], file, folder)


FORMATS = {
    "csv": Format("CSV", csv_file.TYPE, _write_csv),
    "xlsx": Format("XLSX", xlsx_file.TYPE, _write_xlsx),
}


def content(sheet: Sheet, form: str) -> bytes:
    """Return a file as bytes."""
    file = BytesIO()
    FORMATS[form].write(sheet, file, None)
    return file.getvalue()


def workbook(sheets: Iterable[Sheet]) -> bytes:
    """Return an XLSX file of several sheets."""
    file = BytesIO()
    xlsx_file.write(sheets, file)
    return file.getvalue()


def download(sheet: Sheet, form: str, name: str) -> HttpResponseBase:
    """Return a table as a download. CSV is streamed; XLSX must be complete first."""
    made: HttpResponseBase
    if form == "csv":
        made = StreamingHttpResponse(csv_file.lines(sheet), content_type=csv_file.TYPE)
    else:
        made = HttpResponse(content(sheet, form), content_type=FORMATS[form].type)
    made["Content-Disposition"] = f'attachment; filename="{name}.{form}"'
    made["Cache-Control"] = "private, no-store"
    return made
