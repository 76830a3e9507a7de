"""axe-core on every page of the pictures, light on a desk and dark on a phone, and on what opens there."""

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

# What we can't reach, by rule: unfold's elements, and why they stay.
ALLOWED = {
    "region": (".relative > [x-on\\:click^=openTheme]", "the theme's switch stands alone before the login"),
}
# Swagger UI's page: its colours, headings and landmarks are its own.
NOT_OURS = frozenset({"api-docs"})
# The lists of all kinds are made by the same code: these stand for the 19.
KIND_LIST, SEEN_KINDS = "events-kind", ("emitted_event", "interact", "summary")
# Half of the time: the navigation of each page (looked at in `STATES`), and rows like those before them.
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
    """What a window looks like."""

    width: int
    theme: Literal["light", "dark"]


# Each width and each theme once: what they change doesn't depend on each other.
DESK, PHONE = Form(1440, "light"), Form(390, "dark")


class Violation(NamedTuple):
    """What axe-core says of one element: the rule, its weight, a selector, what to mend."""

    rule: str
    impact: str
    target: str
    summary: str


@pytest.fixture
def operator(transactional_db: None) -> User:
    """Who sees every page."""
    return known(USERNAME, is_superuser=True)


@pytest.fixture
def everything(operator: User, url: str) -> dict[str, str]:
    """All the pages, with something on each."""
    key = provisioning.key(
        organization_slug="screenshots", owner_name="Screenshots", kind=KeyType.SECRET, owners="all"
    )
    post(url, key.text)
    return {name: path for name, path in pages().items() if name not in NOT_OURS and not _is_repeated(name)}


def _is_repeated(name: str) -> bool:
    """Return True for the list of a kind, unless the kind is one of those that stand for all."""
    prefix, _, kind = name.rpartition("-")
    return prefix == KIND_LIST and kind in kinds.KINDS and kind not in SEEN_KINDS


@pytest.fixture
def accounts(operator: User) -> AccountPages:
    """The pages of accounts."""
    provisioning.key(organization_slug="screenshots", owner_name="Screenshots", kind=KeyType.SECRET)
    return account_pages()


def violations(page: Page, script: str, exclude: Iterable[str] = REPEATED) -> list[Violation]:
    """What axe-core finds on the page as it stands."""
    if not page.evaluate("'axe' in window"):
        page.evaluate(script)  # no tag: the content policy is for those too
    allowed = {rule: selector for rule, (selector, _) in ALLOWED.items()}
    return [Violation(*found) for found in page.evaluate(RUN, [allowed, list(exclude)])]


def put(page: Page, form: Form) -> None:
    """Give the window another size and theme; unfold looks for the theme only as it loads a page."""
    page.set_viewport_size({"width": form.width, "height": WIDTHS[form.width]})
    page.emulate_media(color_scheme=form.theme)
    page.evaluate(
        "is_dark => document.documentElement.classList.toggle('dark', is_dark)", form.theme == "dark"
    )


class Walk(NamedTuple):
    """A window in which pages are looked at, and what axe-core found on them."""

    page: Page
    script: str
    found: list[Any]

    def see(self, name: str, path: str, exclude: Iterable[str] = REPEATED) -> None:
        """Look at a page in both forms: to load it takes longer than to look at it."""
        put(self.page, DESK)
        self.page.goto(path)
        for form in (DESK, PHONE):
            put(self.page, form)
            self.found.extend((name, form, *each) for each in violations(self.page, self.script, exclude))


@pytest.fixture
def walk(visit: Visit) -> Walk:
    """A window without a login."""
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


def test_pages_of_accounts_have_none(accounts: AccountPages, walk: Walk) -> None:
    for name, path in accounts.outside.items():
        walk.see(name, path_of(path))
    log_in(walk.page, USERNAME)
    for name, path in accounts.inside.items():
        walk.see(name, path)
    assert walk.found == []


def test_pages_of_work_in_progress_have_none(operator: User, walk: Walk) -> None:
    log_in(walk.page, USERNAME)
    for name, path in work_in_progress().items():
        walk.see(name, path)
    assert walk.found == []


def test_the_second_factor_has_none_either(operator: User, visit: Visit) -> None:
    """The QR code, and the codes that a second factor gives once."""
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
