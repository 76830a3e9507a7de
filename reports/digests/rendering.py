"""Rendering of a digest as a mail: HTML, and plain text written for reading rather than stripped HTML."""

import base64
from typing import Any

from django.template.loader import render_to_string
from django.urls import reverse
from wcwidth import wcswidth

from events.lib.formatting import shorten
from reports.digests.digest import Digest, Table
from reports.mail import links
from reports.mail.message import Attachment, Image, MailContent
from reports.mail.text import isolated, one_line

IN_A_ROW = 3  # figures
WIDEST = 34  # characters of the first column of a table in plain text


def render_digest(digest: Digest, *, rhythm: str, unsubscribe_url: str) -> MailContent:
    """Return the mail of a digest."""
    context = _context(digest, rhythm, unsubscribe_url)
    images = tuple(
        image
        for each in context["charts"]
        for image in (Image(each["cid"], each["chart"].png), Image(each["dark_cid"], each["chart"].dark_png))
    )
    return MailContent(
        subject=digest.summary,
        text=render_to_string("mail/digest.txt", context),
        html=render_to_string("mail/digest.html", context),
        images=images,
        attachments=tuple(Attachment(each.name, each.content, each.type) for each in digest.files),
        unsubscribe_url=unsubscribe_url,
    )


def html_with_images(content: MailContent) -> str:
    """Return a mail's HTML with its pictures embedded, for a browser."""
    html = content.html
    for image in content.images:
        data = base64.b64encode(image.png).decode()
        html = html.replace(f'src="cid:{image.name}"', f'src="data:image/png;base64,{data}"')
    return html


def text_table(table: Table) -> list[str]:
    """Return a table as lines of plain text, with aligned columns and numbers on the right."""
    rows = [tuple(map(one_line, row)) for row in (table.columns, *table.rows)]
    rows = [(isolated(one_line(shorten(first, WIDEST))), *others) for first, *others in rows]
    widths = [max(wcswidth(cell) for cell in column) for column in zip(*rows, strict=True)]
    return [
        "  ".join(
            _padded(cell, width, to_right=bool(place))
            for place, (cell, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in rows
    ]


def _context(digest: Digest, rhythm: str, unsubscribe_url: str) -> dict[str, Any]:
    return {
        "digest": digest,
        "rhythm": rhythm,
        "figures": [
            digest.figures[place : place + IN_A_ROW] for place in range(0, len(digest.figures), IN_A_ROW)
        ],
        "charts": [
            {"cid": f"chart{place}", "dark_cid": f"chart{place}-dark", "chart": chart}
            for place, chart in enumerate(digest.charts, 1)
        ],
        "tables": [
            {"table": table, "lines": text_table(table), "url": _url(table.path)} for table in digest.tables
        ],
        "notices": [{"sentence": each.sentence, "url": _url(each.path)} for each in digest.notices],
        "links": [{"label": each.label, "url": _url(each.path)} for each in digest.links],
        "unsubscribe_url": unsubscribe_url,
        "manage_url": links.absolute(reverse("subscriptions")),
    }


def _url(path: str) -> str:
    """Return the URL of a page of Tally, or an empty text. Raises ValueError for other paths."""
    if path and not (path.startswith("/") and not path.startswith("//")):
        raise ValueError("A digest links to pages of Tally only")
    return links.absolute(path) if path else ""


def _padded(text: str, width: int, *, to_right: bool) -> str:
    blanks = " " * (width - wcswidth(text))
    return blanks + text if to_right else text + blanks
