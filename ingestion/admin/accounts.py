"""The accounts page: where every received event is, and which events aren't accounted for."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from urllib.parse import urlencode

from django.contrib import admin
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.template.response import TemplateResponse
from django.utils import timezone

from events.access import Access, access_of, labels_of
from events.accounts import audit
from events.admin.filters import PERIODS, period
from events.spreadsheets.files import FORMATS, download
from events.spreadsheets.sheet import Heading, Sheet
from ingestion.accounting import Account, accounts
from ingestion.admin.actions import require_some_owner

SHOWN = 500  # rows of the table; files have them all
_FAR = timedelta(days=2)  # into the future: a clock that stepped back leaves counters ahead
COLUMNS = (
    "owner",
    "source",
    "day",
    "received",
    "stored",
    "duplicates",
    "rejected",
    "waiting",
    "difference",
    "warnings",
)


def view(request: HttpRequest) -> HttpResponseBase:
    """Return the page, or its table as a file."""
    require_some_owner(request)
    access, now = access_of(request), timezone.now().astimezone(UTC)
    name = request.GET.get("period", "")
    name = name if name in PERIODS else "7d"
    chosen = request.GET.get("owner", "")
    found = _accounts(access, name, chosen, now)
    if (form := request.GET.get("as", "")) in FORMATS:
        owner = next((each for each in access.owners if str(each.pk) == chosen), None)
        about, after = (
            f"accounts as {FORMATS[form].title}",
            {"period": name, "owner": owner.name if owner else ""},
        )
        audit.record(audit.actor_of(request), "export.made", about, owner=owner, after=after)
        return download(_sheet(found), form, f"accounts-{name}")
    context = {
        **admin.site.each_context(request),
        "title": "Accounts",
        "answer": answer(found, PERIODS[name]),
        "accounts": found[:SHOWN],
        "is_cut": len(found) > SHOWN,
        "total": len(found),
        "sums": {column: sum(getattr(each, column) for each in found) for column in COLUMNS[3:]},
        "periods": [(value, label, value == name) for value, label in PERIODS.items()],
        "owners": _owners(access, chosen),
        "files": [
            (format_.title, urlencode({"period": name, "owner": chosen, "as": form}))
            for form, format_ in FORMATS.items()
        ],
        "period": name,
    }
    return TemplateResponse(request, "ingestion/accounts.html", context)


def _owners(access: Access, chosen: str) -> list[tuple[str, str, bool]]:
    """Return the owners that the filter offers; none if there is only one."""
    if len(access.owners) < 2:
        return []
    labels = labels_of(access.owners)
    return [
        (str(owner.pk), label, str(owner.pk) == chosen)
        for owner, label in zip(access.owners, labels, strict=True)
    ]


def _accounts(access: Access, name: str, chosen: str, now: datetime) -> list[Account]:
    """Return the accounts of a period, of one owner or of all that the person sees."""
    since, until = period(name, now)
    owners = None if access.is_operator else access.owner_ids
    if chosen:
        owners = frozenset(owner.pk for owner in access.owners if str(owner.pk) == chosen)
    return [_labelled(access, each) for each in accounts(owners, since, until or now + _FAR)]


def _labelled(access: Access, account: Account) -> Account:
    """Return the account with the owner's label."""
    key = account.key
    label = access.owner_labels.get(key.owner_id, key.owner)
    return replace(account, key=key._replace(owner=label))


def answer(found: list[Account], label: str) -> str:
    """Summarise the page in a sentence."""
    received = sum(account.received for account in found)
    if not received:
        return f"Nothing was received ({label})."
    wrong = [account for account in found if not account.balances]
    events = "1 event" if received == 1 else f"{received:,} events"
    if not wrong:
        places = "each is stored, a duplicate, rejected or waiting"
        return f"The books balance: of {events} received ({label}) {places}."
    rows = "1 row doesn't" if len(wrong) == 1 else f"{len(wrong):,} rows don't"
    return f"{rows} balance, of {events} received ({label}); run `manage.py verify`, and tell the operator."


def _sheet(found: list[Account]) -> Sheet:
    headings = [Heading("owner"), Heading("source"), Heading("day", "UTC")]
    headings += [Heading(name, number_format="#,##0") for name in COLUMNS[3:]]
    return Sheet("Accounts", headings, _rows(found))


def _rows(found: list[Account]) -> Iterator[list[object]]:
    for account in found:
        key = account.key
        yield [key.owner, key.source, key.day, *(getattr(account, name) for name in COLUMNS[3:])]
