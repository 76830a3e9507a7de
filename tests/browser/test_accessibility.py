"""Runs axe-core on all pages and what opens on them, light on a desktop and dark on a phone."""

from collections.abc import Iterable
from typing import Any, Literal, NamedTuple

import pytest
from django.contrib.auth.models import User
from django_otp.oath import totp
from django_otp.plugins.otp_totp.models import TOTPDevice
from playwright.sync_api import Page

from events import kinds
from events.ownership import provisioning
from events.ownership.api_key import KeyType
from tests.browser.account_pages import AccountPages
from tests.browser.camera import WIDTHS
from tests.browser.conftest import Visit, known, log_in
from tests.browser.screenshots import USERNAME, account_pages, pages, path_of, post, work_in_progress
from tests.browser.states import STATES
from tests.clients.npm import installed

# Accepted violations by rule: elements of unfold's that we can't change, and why.
ALLOWED = {
    "region": (".relative > [x-on\\:click^=openTheme]", "the theme's switch stands alone before the login"),
}
# Swagger UI's page has its own colours, headings and landmarks.
NOT_OURS = frozenset({"api-docs"})
# Lists of all kinds share their code, so three of the 19 are checked.
KIND_LIST, SEEN_KINDS = "events-kind", ("emitted_event", "interact", "summary")
# Excluded, as it takes half of the time: the navigation (checked in `STATES`), and further similar rows.
REPEATED = (
    "#nav-sidebar",
    *(f"{rows}:nth-of-type(n + 4)" for rows in ("tbody", "tbody tr", ".tally-group-card")),
)
RUN = """async ([allowed, exclude]) => {
    for (const each of document.getAnimations().filter((each) => each instanceof CSSTransition)) {
        each.finish();  // of the other theme's colours
    }
    const options = {resultTypes: ["violations"], preload: false};
    const {violations} = await axe.run({include: [document], exclude}, options);
    const isAllowed = (rule, at) => rule in allowed && document.querySelector(at)?.matches(allowed[rule]);
    return violations.flatMap(({id, impact, nodes}) => nodes
        .filter(({target}) => !isAllowed(id, target[0]))
        .map(({target, failureSummary}) => [id, impact, target.join(" "), failureSummary]));
}"""


class Form(NamedTuple):
    """The width and theme of a window."""

    width: int
    theme: Literal["light", "dark"]


# Each width and each theme once, since their effects are independent.
DESK, PHONE = Form(1440, "light"), Form(390, "dark")


class Violation(NamedTuple):
    """A violation found by axe-core: the rule, its impact, a selector, and how to fix it."""

    rule: str
    impact: str
    target: str
    summary: str


@pytest.fixture
def operator(transactional_db: None) -> User:
    """An operator, who sees every page."""
    return known(USERNAME, is_superuser=True)


@pytest.fixture
def everything(operator: User, url: str) -> dict[str, str]:
    """The addresses of all pages, with data on each."""
    key = provisioning.key(
        organization_slug="screenshots", owner_name="Screenshots", kind=KeyType.SECRET, owners="all"
    )
    post(url, key.text)
    return {name: path for name, path in pages().items() if name not in NOT_OURS and not _is_repeated(name)}


def _is_repeated(name: str) -> bool:
    """Return True for the list of a kind, unless it is one of those that are checked."""
    prefix, _, kind = name.rpartition("-")
    return prefix == KIND_LIST and kind in kinds.KINDS and kind not in SEEN_KINDS


@pytest.fixture
def accounts(operator: User) -> AccountPages:
    """Pages about accounts."""
    provisioning.key(organization_slug="screenshots", owner_name="Screenshots", kind=KeyType.SECRET)
    return account_pages()


def violations(page: Page, script: str, exclude: Iterable[str] = REPEATED) -> list[Violation]:
    """Run axe-core on the current page."""
    if not page.evaluate("'axe' in window"):
        page.evaluate(script)  # not as a tag, which the content security policy would block
    allowed = {rule: selector for rule, (selector, _) in ALLOWED.items()}
    return [Violation(*found) for found in page.evaluate(RUN, [allowed, list(exclude)])]


def put(page: Page, form: Form) -> None:
    """Change size and theme of the window. Unfold reads the theme only when a page loads."""
    page.set_viewport_size({"width": form.width, "height": WIDTHS[form.width]})
    page.emulate_media(color_scheme=form.theme)
    page.evaluate(
        "is_dark => document.documentElement.classList.toggle('dark', is_dark)", form.theme == "dark"
    )


class Walk(NamedTuple):
    """A window for opening pages, and the violations found on them."""

    page: Page
    script: str
    found: list[Any]

    def see(self, name: str, path: str, exclude: Iterable[str] = REPEATED) -> None:
        """Check a page in both forms after loading it once, since loading takes longest."""
        put(self.page, DESK)
        self.page.goto(path)
        for form in (DESK, PHONE):
            put(self.page, form)
            self.found.extend((name, form, *each) for each in violations(self.page, self.script, exclude))


@pytest.fixture
def walk(visit: Visit) -> Walk:
    """A window that isn't logged in."""
    return Walk(visit(), (installed() / "node_modules/axe-core/axe.min.js").read_text(), [])


def test_no_page_has_violations(everything: dict[str, str], walk: Walk) -> None:
    walk.see("login", "/admin/login/")
    log_in(walk.page, USERNAME)
    walk.see("navigation", "/admin/", exclude=())
    for name, path in everything.items():
        walk.see(name, path)
    for name, show in STATES.items():
        show(walk.page)
        walk.found.extend((name, PHONE, *each) for each in violations(walk.page, walk.script, exclude=()))
    assert walk.found == []


def test_pages_of_accounts_have_no_violations(accounts: AccountPages, walk: Walk) -> None:
    for name, path in accounts.outside.items():
        walk.see(name, path_of(path))
    log_in(walk.page, USERNAME)
    for name, path in accounts.inside.items():
        walk.see(name, path)
    assert walk.found == []


def test_pages_of_work_in_progress_have_no_violations(operator: User, walk: Walk) -> None:
    log_in(walk.page, USERNAME)
    for name, path in work_in_progress().items():
        walk.see(name, path)
    assert walk.found == []


def test_pages_of_the_second_factor_have_no_violations(operator: User, visit: Visit) -> None:
    """Includes the QR code and the recovery codes, which are shown once."""
    script = (installed() / "node_modules/axe-core/axe.min.js").read_text()
    page = visit(viewport={"width": 390, "height": WIDTHS[390]}, color_scheme="dark")
    log_in(page, USERNAME)
    page.goto("/admin/second-factor/")
    found = {"QR code": violations(page, script)}
    device = TOTPDevice.objects.get(user=operator)
    page.fill("[name=code]", f"{totp(device.bin_key):06d}")
    page.get_by_role("button", name="Set it up").click()
    page.wait_for_selector("text=recovery codes")
    found["recovery codes"] = violations(page, script)
    assert found == {part: [] for part in found}
