"""Remedies: what each code of a rejected event means, and what to do about it.

`manage.py document_formats` writes the table into docs/reference/errors.md. Texts are Markdown of two kinds
only: `code`, and links to pages of the documentation. On our own pages those to
`formats.md` lead to the field (`ingestion/documentation/formats.py`).
"""

import re
from typing import NamedTuple

from django.utils.html import escape
from django.utils.safestring import SafeString, mark_safe


class Remedy(NamedTuple):
    """The problem and its fix, without a field and for a known field, which `{path}` names."""

    happened: str
    remedy: str
    named: str = ""  # happened, of a known field
    fix: str = ""  # remedy, of a known field


REMEDIES = {
    "bad_json": Remedy(
        "It isn't JSON.",
        "The message has the position of the fault, and what to remove if something is left over.",
    ),
    "bad_utf8": Remedy(
        "A byte of it isn't UTF-8.",
        "Encode texts as UTF-8.",
    ),
    "not_finite": Remedy(
        "It has NaN or Infinity in it, which JSON doesn't know.",
        "Leave the field out, or send null.",
    ),
    "number_out_of_range": Remedy(
        "A number is beyond what a double holds, or has more than 1,000 digits.",
        "Send it as text.",
    ),
    "too_large": Remedy(
        "It has more than 1 MiB (`INGEST_MAX_EVENT_BYTES`); a body, more than 5 MiB"
        " (`INGEST_MAX_BODY_BYTES`), or more than 3 MiB and 40 times its compressed size"
        " (`INGEST_MAX_INFLATE_RATIO`, status 413 both).",
        "Send less, or less at once.",
    ),
    "too_deep": Remedy(
        "It is nested deeper than 100 levels (`INGEST_MAX_DEPTH`).",
        "Flatten it.",
    ),
    "too_many_keys": Remedy(
        "It has more than 20,000 keys, form fields or protobuf fields (`INGEST_MAX_KEYS`).",
        "Send less.",
    ),
    "too_many_elements": Remedy(
        "It has more than 50,000 keys and list items in all (`INGEST_MAX_ELEMENTS`); a body, more than"
        " 250,000 (`INGEST_MAX_BODY_ELEMENTS`, status 413).",
        "Send less, or less at once.",
    ),
    "unknown_kind": Remedy(
        "`eid` is no event of Telemetry V3.",
        "Mind the upper case; data of your own fits into EXDATA.",
    ),
    "unknown_version": Remedy(
        "`version` names no version of the Availity interface.",
        'Send `"1"`.',
    ),
    "missing": Remedy(
        "A hard field isn't there.",
        "Send the field that `path` names.",
        "`{path}` is required.",
        "Send it: see [the fields of this kind](formats.md).",
    ),
    "empty": Remedy(
        "A field that must be filled is empty or blank.",
        "Fill it.",
        "`{path}` must not be empty.",
        "Fill it: see [what it means](formats.md).",
    ),
    "wrong_type": Remedy(
        "A hard field, or the event, is of another JSON type.",
        "Send the type that the message names.",
        "`{path}` is of another JSON type.",
        "Send the type that [the field has](formats.md).",
    ),
    "bad_value": Remedy(
        "A field isn't written as it must be (a pattern, a range).",
        "Look the field up in [formats.md](formats.md).",
        "`{path}` isn't written as it must be.",
        "Send what [the field may have](formats.md).",
    ),
    "bad_length": Remedy(
        "A text or a list is longer than it may be; also `Idempotency-Key` over 512 characters.",
        "Shorten it.",
        "`{path}` is longer than it may be.",
    ),
    "bad_name": Remedy(
        "An owner or a source can't have this name.",
        "1 to 100 characters, none of them control characters.",
        "`{path}` is no name that an owner or a source can have.",
    ),
    "unknown_field": Remedy(
        "Strict validation doesn't know the field.",
        "Leave it out, or set the owner to lenient.",
        "Strict validation doesn't know `{path}`.",
        "Leave it out, send one of [the fields of this kind](formats.md), or set the owner to lenient.",
    ),
    "reserved_key": Remedy(
        "A key in `event.data` contains `buildless`.",
        "Name it otherwise.",
        "`{path}` contains `buildless`, which is reserved.",
    ),
    "too_old": Remedy(
        "It happened more than 400 days before it came in (`EVENT_MAX_AGE_DAYS`), or before what is kept"
        " (`RETENTION_WEEKS`).",
        "Check the device's clock.",
    ),
    "too_far_ahead": Remedy(
        "It is more than 24 hours ahead (`EVENT_MAX_AHEAD_HOURS`).",
        "Check the clock, and that times are in milliseconds.",
    ),
    "owner_gone": Remedy(
        "Owner and API key were deleted after the event was acknowledged. Only operators see it, under the"
        " organization `deleted-owners`.",
        "Delete the events if they aren't needed, or replay them there.",
    ),
    "unfileable": Remedy(
        "The server failed to file it.",
        "The log of the server has the reason; tell the operator, and replay it once that is mended.",
    ),
}
# A replay can meet what is otherwise the refusal of a request; the page has these among the requests.
MET_BY_REPLAYS = {
    "owner_not_allowed": Remedy(
        "The message names an owner that isn't there, or that who replayed it doesn't lead.",
        "Make the owner, let a lead of both owners or an operator replay it, or correct `owner`.",
    ),
    "quota_exceeded": Remedy(
        "The owner's quota of the month of receipt is used up, and the owner is set to refuse more.",
        "Raise `monthly_quota` in the owner's settings, or set `over_quota` to warn or mark; then replay it.",
    ),
    "bad_protobuf": Remedy(
        "The bytes aren't a protobuf `Event`.",
        "Check message and field numbers against `buildless.proto`.",
    ),
}
_UNKNOWN = Remedy("A later release rejected it.", "Look the code up in the documentation.")
_MARKED = re.compile(r"`([^`]+)`|\[([^\]]+)\]\(([^)]+)\)")
FORMATS = "formats.md"


def remedy_of(code: str) -> Remedy:
    """Return the remedy of a code."""
    return REMEDIES.get(code) or MET_BY_REPLAYS.get(code, _UNKNOWN)


def said_of(code: str, path: str = "") -> tuple[str, str]:
    """Return what happened and what to do, naming the field where it is known."""
    remedy = remedy_of(code)
    if not path or not remedy.named:
        return remedy.happened, remedy.remedy
    return remedy.named.format(path=path.replace("`", "'")), remedy.fix or remedy.remedy


def as_html(text: str, formats: str = "") -> SafeString:
    """Return a text of the table as HTML.

    `formats` is the address that links to formats.md get; without it, and for other pages, only the words of
    a link stay.
    """

    def marked(found: re.Match[str]) -> str:
        if found[1]:
            return f"<code>{found[1]}</code>"
        return f'<a href="{escape(formats)}">{found[2]}</a>' if formats and found[3] == FORMATS else found[2]

    return mark_safe(_MARKED.sub(marked, str(escape(text))))  # noqa: S308  (escaped above)


def table() -> str:
    """Return the table of the documentation."""
    rows = (f"| `{code}` | {each.happened} | {each.remedy} |" for code, each in REMEDIES.items())
    return "\n".join(("| code | what happened | what to do |", "|---|---|---|", *rows)) + "\n"
