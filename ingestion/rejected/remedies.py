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
        "The message has the position of the error, and says what to remove.",
    ),
    "bad_utf8": Remedy(
        "It contains a byte that isn't UTF-8.",
        "Encode text as UTF-8.",
    ),
    "not_finite": Remedy(
        "It contains NaN or Infinity, which JSON doesn't have.",
        "Leave the field out, or send null.",
    ),
    "number_out_of_range": Remedy(
        "A number is outside the range of a double, or has more than 1,000 digits.",
        "Send the number as text.",
    ),
    "too_large": Remedy(
        "It has more than 1 MiB (`INGEST_MAX_EVENT_BYTES`); a body, more than 5 MiB"
        " (`INGEST_MAX_BODY_BYTES`), or more than 3 MiB and 40 times its compressed size"
        " (`INGEST_MAX_INFLATE_RATIO`, status 413 both).",
        "Send less data, or split it into several requests.",
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
        "Send less data, or split it into several requests.",
    ),
    "unknown_kind": Remedy(
        "`eid` is not an event of Telemetry V3.",
        "Event names are in upper case. Send data of your own as EXDATA.",
    ),
    "unknown_version": Remedy(
        "`version` is not a version of the Availity API.",
        'Send `"1"`.',
    ),
    "missing": Remedy(
        "A hard field is missing.",
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
        "A hard field, or the event itself, has the wrong JSON type.",
        "Send the type that the message names.",
        "`{path}` has the wrong JSON type.",
        "Send the type that [the field has](formats.md).",
    ),
    "bad_value": Remedy(
        "The value of a field doesn't match its pattern or range.",
        "Look the field up in [formats.md](formats.md).",
        "`{path}` has a value in the wrong format.",
        "Send a value that [the field accepts](formats.md).",
    ),
    "bad_length": Remedy(
        "A text or a list is too long; also `Idempotency-Key` over 512 characters.",
        "Shorten it.",
        "`{path}` is too long.",
    ),
    "bad_name": Remedy(
        "An owner or a source can't have this name.",
        "1 to 100 characters, none of them control characters.",
        "`{path}` is not a valid name of an owner or a source.",
    ),
    "unknown_field": Remedy(
        "Strict validation doesn't know the field.",
        "Leave it out, or set the owner to lenient.",
        "Strict validation doesn't know `{path}`.",
        "Leave it out, send one of [the fields of this kind](formats.md), or set the owner to lenient.",
    ),
    "reserved_key": Remedy(
        "A key in `event.data` contains `buildless`.",
        "Use another name.",
        "`{path}` contains `buildless`, which is reserved.",
    ),
    "too_old": Remedy(
        "It happened more than 400 days before it was received (`EVENT_MAX_AGE_DAYS`), or in a week that is"
        " no longer kept (`RETENTION_WEEKS`).",
        "Check the device's clock.",
    ),
    "too_far_ahead": Remedy(
        "Its time is more than 24 hours in the future (`EVENT_MAX_AHEAD_HOURS`).",
        "Check the clock, and that times are in milliseconds.",
    ),
    "owner_gone": Remedy(
        "Its owner and API key were deleted after the event was acknowledged. Only operators see it, under"
        " the"
        " organization `deleted-owners`.",
        "Delete the events if they aren't needed, or replay them there.",
    ),
    "unfileable": Remedy(
        "The server failed to file it.",
        "The server's log has the reason. Tell the operator, and replay the event once the cause is fixed.",
    ),
}
# A replay can meet what is otherwise the refusal of a request; the page has these among the requests.
MET_BY_REPLAYS = {
    "owner_not_allowed": Remedy(
        "The message names an owner that doesn't exist, or that the person replaying it doesn't lead.",
        "Create the owner, ask a lead of both owners or an operator to replay it, or correct `owner`.",
    ),
    "quota_exceeded": Remedy(
        "The owner's quota for the month of receipt is used up, and the owner refuses events beyond it.",
        "Raise `monthly_quota` in the owner's settings, or set `over_quota` to warn or mark; then replay it.",
    ),
    "bad_protobuf": Remedy(
        "The bytes aren't a protobuf `Event`.",
        "Check message and field numbers against `buildless.proto`.",
    ),
}
_UNKNOWN = Remedy("A later release rejected it.", "Look up the code in the documentation.")
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
