"""Lists of events as lines of JSON (NDJSON), the same lines as in exports."""

import time

from django.http import HttpResponse
from rest_framework.request import Request

from events.api.pagination import EventPagination
from events.api.problems import BadParameter
from events.exports.formats import EXPORT_FORMATS, ROWS
from events.exports.jobs import SMALL_ROWS, SMALL_SECONDS
from events.exports.lines import json_lines
from events.lib.paging import EventQuery
from events.store.plain_rows import PlainReader

FORMAT = "format"
JSON, NDJSON = "json", "ndjson"
MOST_BYTES = 32 * 1024 * 1024


def format_of(request: Request) -> str:
    """Return the format that a request names. Raises `BadParameter`."""
    asked = request.query_params.get(FORMAT, "") or JSON
    if asked not in (JSON, NDJSON):
        raise BadParameter("bad_parameter", {FORMAT: [f"It may be {JSON} or {NDJSON}."]})
    return asked


def lines_of(question: EventQuery, request: Request, pages: EventPagination) -> HttpResponse:
    """Return events as lines: as many as were requested or as fit, with a link to the next ones.

    Raises `BadParameter`.
    """
    most, key = pages.start(request, default=SMALL_ROWS)
    question = question.of_keys()
    reader, lines = PlainReader(), list[bytes]()
    until, size, found = time.monotonic() + SMALL_SECONDS, 0, 0
    while True:
        page = pages.cut_forward(question, min(ROWS, most - found), key)
        found += len(page.rows)
        for line in json_lines([reader.pairs([str(row.pk) for row in page.rows])]):
            lines.append(line)
            size += len(line)
        if page.next is None or found >= most or size > MOST_BYTES or time.monotonic() > until:
            break
        key = question.order.key_of(page.next)
    response = HttpResponse(b"".join(lines), content_type=EXPORT_FORMATS[NDJSON].type)
    if link := pages.next_link(page):
        response["Link"] = f'<{link}>; rel="next"'
    return response
