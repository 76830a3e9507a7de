"""Takes screenshots of every page at two widths and in two themes (`make screenshots`).

Posts and files a few events of every kind in the current data folder ($TALLY_DATA, or var/), and starts its
database if necessary. The screenshots are in `screenshots/` of that folder.
"""

import json
import logging
import os
import secrets
import time
from contextlib import nullcontext
from datetime import timedelta
from itertools import product
from pathlib import Path
from random import Random
from typing import TYPE_CHECKING, Any, TypeVar
from urllib.error import HTTPError
from urllib.parse import urlsplit
from urllib.request import Request, urlopen

import django
from django.core.management import call_command
from django.utils import timezone
from playwright.sync_api import Browser

from tests.browser.camera import THEMES, WIDTHS, camera, log_in

if TYPE_CHECKING:
    from ingestion.rejected.replay_jobs import ReplayJob
    from tests.browser.account_pages import AccountPages

USERNAME = "screenshots"
NEWCOMER = "screenshots-newcomer"
MAIL_WIDTH = 800  # pixels: mail programs show mails beside their list
Shown = TypeVar("Shown")  # what is shown: an address, or a function that opens something
log = logging.getLogger(__name__)


def events(now_ms: int) -> list[tuple[str, Any]]:
    """Return paths and bodies to post, including hostile, invalid and odd events."""
    from tests.wire import samples  # needs Django's apps

    mark = f"{now_ms:x}"
    hostile = samples.complete("interact", ms=now_ms - 60_000, mid=f"hostile{mark}")
    hostile["actor"]["id"] = '<script>alert("x")</script>'
    hostile["context"]["sid"] = "\u202eright to left \u2066 " + "long " * 30
    hostile["edata"]["unknown"] = {"<b>key</b>": [1.5, None, True]}
    faulty = samples.complete("impression", ms=now_ms, mid=f"faulty{mark}")
    del faulty["edata"]["pageid"]
    odd = samples.complete("assess", ms=now_ms - 5_000, mid=f"odd{mark}")
    odd["actor"]["id"] = "another user"
    odd["edata"] |= {"pass": "YES", "score": 70, "duration": 95_000}
    nobody = samples.complete("log", ms=now_ms - 6_000, mid=f"nobody{mark}")
    nobody["context"]["sid"] = "undefined"
    unknown = samples.complete("log", ms=now_ms, mid=f"unknown{mark}") | {"eid": "LOGG"}
    batch = [
        samples.complete(kind, ms=now_ms - 1000 * place, mid=f"{kind}{mark}")
        for place, kind in enumerate(samples.SUNBIRD)
    ]
    return [
        (
            "/v1/telemetry",
            {"id": "api.telemetry", "ver": "3.0", "events": [*batch, hostile, odd, nobody, unknown, faulty]},
        ),
        *(
            ("/v1/telemetry", {"id": "api.telemetry", "ver": "3.0", "events": found})
            for found in (visit(now_ms), long_visit(now_ms))
        ),
        ("/ms/api/availity/internal/pui/key-delivery/v1/telemetry", samples.complete("ui_action")),
        ("/v1/telemetry/event:emit", samples.complete("emitted_event", ms=now_ms, mid=f"emitted{mark}00000")),
    ]


PERSON = (
    "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0.0.0 Safari/537.36"
)
CRAWLER = "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)"
VISITED = f"visit-{int(time.time())}"  # the session's ID; the long session has the suffix -long


def visit(now_ms: int) -> list[Any]:
    """Return a visit of half an hour with a long pause: five pages, some of them twice, and errors."""
    begin = now_ms - 2_400_000
    chance = Random(7)
    found, second = [], 0.0
    for page in ("home", "search", "results", "course-4711", "results", "course-0815", "checkout", "home"):
        found.append(_event("impression", begin, second, type="view", pageid=page, uri=f"/{page}"))
        for _ in range(chance.randint(3, 12)):
            second += chance.uniform(0.5, 25)
            found.append(_event("interact", begin, second, type="TOUCH", id="button", pageid=page))
        if page in ("results", "checkout"):
            found.append(_event("search", begin, second + 1))
        if page == "checkout":
            found.append(
                _event("error", begin, second + 2, err="E42", errtype="SYSTEM", stacktrace="at pay()")
            )
        second += 900 if page == "course-0815" else chance.uniform(2, 30)
    return found


def long_visit(now_ms: int) -> list[Any]:
    """Return a visit of more events than can be drawn individually."""
    begin = now_ms - 20_000_000
    chance = Random(8)
    found, second = [], 0.0
    for number in range(2_400):
        kind = chance.choice(("interact", "interact", "interact", "log", "heartbeat"))
        changes = {"type": "TOUCH", "id": "b", "pageid": "p"} if kind == "interact" else {}
        if number % 150 == 0:
            kind, changes = (
                "impression",
                {"type": "view", "pageid": f"lesson-{number // 150 % 6}", "uri": "/"},
            )
        found.append(_event(kind, begin, second, "-long", **changes))
        second += 1_500 if number == 1_300 else chance.expovariate(0.3)
    return found


def crawl(now_ms: int) -> list[Any]:
    """Return a bot's visit of three pages."""
    pages = ("home", "search", "results")
    return [
        _event("impression", now_ms - 900_000, second, "-crawl", type="view", pageid=page, uri=f"/{page}")
        for second, page in enumerate(pages)
    ]


def _event(kind: str, begin_ms: int, second: float, more: str = "", **edata: Any) -> Any:
    from tests.wire import samples  # needs Django's apps

    ms = begin_ms + round(second * 1000)
    event = samples.complete(kind, ms=ms, mid=f"{VISITED}{more}:{kind}:{ms}")
    event["context"]["sid"] = VISITED + more
    event["edata"] = edata or event["edata"]
    return event


def post(url: str, key: str) -> None:
    """Post and file the events, then compute sessions, rollups and charges."""
    from events.sessions.summarising import summarise_block
    from ingestion.filing.drain import drain
    from reports.rollups.folding import fold_block

    now_ms = int(time.time() * 1000)
    posted = [(PERSON, *each) for each in events(now_ms)]
    batch = {"id": "api.telemetry", "ver": "3.0", "events": crawl(now_ms)}
    for agent, path, body in [*posted, (CRAWLER, "/v1/telemetry", batch)]:
        headers = {"Content-Type": "application/json", "X-API-Key": key, "User-Agent": agent}
        request = Request(url + path, json.dumps(body).encode(), headers)
        try:
            urlopen(request).close()
        except HTTPError as error:
            log.warning("%s answers %d: %r", path, error.code, error.read()[:500])
    drain()
    while summarise_block(timezone.now()).keys:
        pass
    while fold_block(timezone.now()):
        pass
    charge()


def charge() -> None:
    """Charge the posted events at the demo's prices."""
    from events.ownership.owner import Organization
    from reports.cost.charging.updating import update_charges
    from telemetry_project.demo import prices

    now, organization = timezone.now(), Organization.objects.get(slug="screenshots")
    prices.apply(organization)
    update_charges(organization.pk, now)
    prices.plan_ahead(organization, now)


def replay_of_all() -> "ReplayJob":
    """Create a finished replay of all rejected events."""
    from django.contrib.auth.models import User

    from ingestion.rejected import replay_jobs
    from ingestion.rejected.event import Selection
    from ingestion.tasks import replay

    person = User.objects.get(username=USERNAME)
    job = replay_jobs.ask(Selection(), by=USERNAME, sentence="all", now=timezone.now(), user=person)
    replay()
    return job


def running_replay() -> str:
    """Return the page of a replay that is under way."""
    from django.contrib.auth.models import User

    from ingestion.rejected.replay_jobs import ReplayJob, State

    now = timezone.now()
    job = ReplayJob.objects.create(
        user=User.objects.get(username=USERNAME),
        by=USERNAME,
        selection={},
        sentence="code wrong_type, kind log",
        state=State.RUNNING,
        total=12_000,
        last=0,
        done=4_300,
        stored=4_180,
        rejected=120,
        created_at=now,
        updated_at=now,
    )
    return f"/admin/ingestion/replayjob/{job.pk}/change/"


def work_in_progress() -> dict[str, str]:
    """Create an export in each state and a running replay, and return the addresses of their pages."""
    from django.contrib.auth.models import User

    from events.exports.jobs import ExportJob, State

    person, now = User.objects.get(username=USERNAME), timezone.now()
    reasons = {
        State.CANCELLED: "You cancelled this export.",
        State.FAILED: "The file would be larger than 2.1 GB. Choose a shorter period.",
    }
    found = {"replay-running": running_replay()}
    for state in State:
        is_open = state in (State.WAITING, State.RUNNING)
        job = ExportJob.objects.create(
            user=person,
            model="events.event",
            form="csv",
            query="kind=interact&dialect=sunbird&period=30d",
            name=f"events-{now:%Y-%m-%d}.csv",
            file=f"picture-{state}.csv",
            state=state,
            reason=reasons.get(state, ""),
            rows=0 if state == State.WAITING else 182_403,
            bytes=0 if state == State.WAITING else 74_215_991,
            created_at=now - timedelta(minutes=3),
            updated_at=now,
            finished_at=None if is_open else now,
            expires_at=None if is_open else now + timedelta(days=1),
        )
        found[f"export-{state}"] = f"/admin/events/exportjob/{job.pk}/change/"
    return found


def pages() -> dict[str, str]:
    """Return the addresses of pages by the names of their screenshots."""
    from events.event import Event
    from events.ownership.source import Source
    from events.sessions.session import Session
    from ingestion.rejected.event import RejectedEvent
    from reports.cost.charges import BillingMonth
    from reports.pages.registry import PAGES
    from tests.browser import admin_pages, mails, source_pages

    found = (
        source_pages.pages()
        | admin_pages.pages()
        | {
            "price-plans": "/admin/cost/priceplan/",
            "prices": "/admin/cost/price/",
            "price-add": "/admin/cost/price/add/",
            "plans-in-force": "/admin/cost/planassignment/",
            "discounts": "/admin/cost/discount/",
            "platform-costs": "/admin/cost/platformcost/",
            "api-docs": "/api/docs/",
            "api-problems": "/api/problems/",
        }
    )
    found |= mails.pages(USERNAME)
    source = Source.objects.exclude(name__startswith="(").order_by("pk").first()
    if source:
        found["source-one"] = f"/admin/events/source/{source.pk}/change/"
    found |= {f"report-{page.name}": f"/reports/{page.name}/" for page in PAGES}
    now = timezone.now()
    found["report-cost-day"] = f"/reports/cost/?day={now:%Y-%m-%d}"
    found["report-cost-hour"] = f"/reports/cost/?day={now:%Y-%m-%d}&hour={now:%H}"
    found["report-cost-before"] = f"/reports/cost/?month={now - timedelta(days=31):%Y-%m}&by=meter"
    found |= {"budgets": "/admin/cost/budget/", "budget-add": "/admin/cost/budget/add/"}
    for month in BillingMonth.objects.order_by("month")[:1]:
        asked = f"organization={month.organization_id}&month={month.month:%Y-%m}"
        found["month-close"] = f"/reports/months/close/?{asked}"
    found["report-overview-narrowed"] = (
        "/reports/overview/?period=today&kind=log&kind=error&zone=Europe/Berlin"
    )
    found["report-sessions-funnel"] = (
        "/reports/sessions/?step=page:home&step=event:interact&step=page:checkout&among=entry:home"
    )
    found["report-errors-one"] = "/reports/errors/?error=SYSTEM:E42"
    found["report-overview-nothing"] = "/reports/overview/?from=2020-01-01&to=2020-01-03&compare=sideways"
    for kind in ("interact", "ui_action", "emitted_event"):
        event = Event.objects.filter(kind=kind).order_by("-id").first()
        if event:
            found[f"event-{kind}"] = f"/admin/events/event/{event.pk}/change/"
    for name, sid in (("visit", VISITED), ("long", f"{VISITED}-long")):
        session = Session.objects.filter(session=sid).first()
        if session:
            found[f"session-{name}"] = f"/admin/events/session/{session.pk}/change/"
    warned = Session.objects.filter(actors__gt=1).order_by("-started_at").first()
    if warned:
        found["session-warned"] = f"/admin/events/session/{warned.pk}/change/"
    hostile = Event.objects.filter(actor__startswith="<script>").order_by("-id").first()
    if hostile:
        found["event-hostile"] = f"/admin/events/event/{hostile.pk}/change/"
    rejected = RejectedEvent.objects.order_by("-id").first()
    if rejected:
        page = f"/admin/ingestion/rejectedevent/{rejected.pk}"
        found["rejected-one"] = f"{page}/change/"
        found["rejected-one-edit"] = f"{page}/edit/"
        found["rejected-discard"] = f"/admin/ingestion/rejectedevent/discard/?ids={rejected.pk}"
        found["sources-merge"] = f"/admin/events/source/merge/?ids={rejected.source_id}"
        found["replay-one"] = f"/admin/ingestion/replayjob/{replay_of_all().pk}/change/"
    return found


def account_pages() -> "AccountPages":
    """Return the pages and mails about accounts of the screenshots' owner."""
    from django.contrib.auth.models import User

    from events.ownership.owner import Owner
    from tests.browser import account_pages

    owner = Owner.objects.get(organization__slug="screenshots", name="Screenshots")
    return account_pages.prepare(User.objects.get(username=USERNAME), owner)


def take(
    browser: Browser,
    url: str,
    password: str,
    only: str,
    wanted: dict[str, str],
    accounts: "AccountPages",
    mail_bodies: dict[str, str],
    folder: Path,
) -> None:
    """Take all screenshots: of pages, of what opens on them, and of pages without data."""
    from tests.browser.admin_pages import EMPTY
    from tests.browser.states import STATES

    empty = {f"empty-{name}": wanted[name] for name in EMPTY}
    for width, theme in product(WIDTHS, THEMES):
        with camera(browser, url, folder, width, theme) as window:
            outside = {"login": "/admin/login/"} | accounts.outside
            window.go({name: path_of(path) for name, path in _named(outside, only).items()})
            log_in(window.page, USERNAME, password)
            window.go(_named(wanted, only))
            for name, show in _named(STATES, only).items():
                show(window.page)
                window.take(name)
        with camera(browser, url, folder, min(width, MAIL_WIDTH), theme) as window:
            for name, html in _named(mail_bodies, only).items():
                window.page.set_content(html)
                window.take(name)
        with camera(browser, url, folder, width, theme) as window:
            log_in(window.page, NEWCOMER, password)
            window.go(_named(empty, only))


def path_of(address: str) -> str:
    """Return the path of an address. Addresses in mails have the host of BASE_URL."""
    return urlsplit(address).path


def _named(found: dict[str, Shown], only: str) -> dict[str, Shown]:
    return {name: each for name, each in found.items() if any(part in name for part in only.split(","))}


def main() -> None:
    """Take the screenshots whose names contain one of the comma-separated parts of $ONLY."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "telemetry_project.settings")
    django.setup()

    from telemetry_project.stack import paths, postgres

    data = paths.data_folder()
    with nullcontext() if "DATABASE_URL" in os.environ else postgres.running(data):
        call_command("migrate", verbosity=0)
        _main(data / "screenshots", os.environ.get("ONLY", ""))


def _main(folder: Path, only: str) -> None:
    from django.contrib.auth.models import User

    from events.ownership import provisioning
    from events.ownership.api_key import ApiKey, KeyType
    from events.ownership.owner import Owner
    from tests.browser import admin_pages, mails
    from tests.browser.chromium import chromium
    from tests.browser.server import server

    password = secrets.token_urlsafe(24)
    person, _ = User.objects.get_or_create(
        username=USERNAME, defaults={"is_staff": True, "is_superuser": True}
    )
    new = admin_pages.newcomer(NEWCOMER)
    for each in (person, new):
        each.set_password(password)
        each.save()
    made = provisioning.key(
        organization_slug="screenshots", owner_name="Screenshots", kind=KeyType.SECRET, owners="all"
    )
    try:
        with server() as url:
            post(url, made.text)
            accounts = account_pages()
            wanted = pages() | work_in_progress() | accounts.inside
            mail_bodies = accounts.mail_bodies | mails.mail_bodies(Owner.objects.latest("pk"))
            folder.mkdir(exist_ok=True)
            with chromium() as browser:  # its event loop keeps Django from using the database
                take(browser, url, password, only, wanted, accounts, mail_bodies, folder)
    finally:
        # Remove what could be misused, but keep the events.
        person.delete()
        new.delete()
        ApiKey.objects.filter(organization=made.key.organization).delete()
    log.info("The pictures are in %s.", folder)


if __name__ == "__main__":
    main()
