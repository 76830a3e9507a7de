"""axe-core on every page of the pictures, light on a desk and dark on a phone, and on what opens on them."""

import re
from typing import Any, NamedTuple

import pytest
from django.contrib.auth.models import User
from django_otp.oath import totp
from django_otp.plugins.otp_totp.models import TOTPDevice
from playwright.sync_api import Page

from events.ownership import provisioning
from events.ownership.api_key import KeyType
from tests.browser.camera import THEMES, WIDTHS
from tests.browser.conftest import Visit, known, log_in
from tests.browser.screenshots import USERNAME, pages, post
from tests.browser.states import STATES
from tests.clients.npm import installed

# What we can't reach, by rule: unfold's elements, and why they stay.
ALLOWED = {
    "region": (".relative > [x-on\\:click^=openTheme]", "the theme's switch stands alone before the log-in"),
}
# Swagger UI's page: its colours, headings and landmarks are its own.
NOT_OURS = frozenset({"api-docs"})
# Pages of a template that others have too: looked at on the phone only, where lists are cards.
LIKE_OTHERS = re.compile(
    r"(owner|member|organization|person)-(add|history|remove)|events-kind-(?!interact).*"
)
RUN = """async (allowed) => {
    const {violations} = await axe.run(document, {resultTypes: ["violations"]});
    const isAllowed = (rule, at) => rule in allowed && document.querySelector(at)?.matches(allowed[rule]);
    return violations.flatMap(({id, impact, nodes}) => nodes
        .filter(({target}) => !isAllowed(id, target[0]))
        .map(({target, failureSummary}) => [id, impact, target.join(" "), failureSummary]));
}"""


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
    return {name: path for name, path in pages().items() if name not in NOT_OURS}


def violations(page: Page, script: str) -> list[Violation]:
    """What axe-core finds on the page as it stands."""
    page.evaluate(script)  # no tag: the content policy is for those too
    allowed = {rule: selector for rule, (selector, _) in ALLOWED.items()}
    return [Violation(*found) for found in page.evaluate(RUN, allowed)]


def test_no_page_has_violations(everything: dict[str, str], visit: Visit) -> None:
    script = (installed() / "node_modules/axe-core/axe.min.js").read_text()
    found: list[Any] = []
    # Each width and each theme once: what they change doesn't depend on each other.
    for (width, height), theme in zip(WIDTHS.items(), THEMES, strict=True):
        page = visit(viewport={"width": width, "height": height}, color_scheme=theme)
        page.goto("/admin/login/")
        found += [("login", width, theme, *each) for each in violations(page, script)]
        log_in(page, USERNAME)
        is_phone = width == min(WIDTHS)
        for name, path in everything.items():
            if is_phone or not LIKE_OTHERS.fullmatch(name):
                page.goto(path)
                found += [(name, width, theme, *each) for each in violations(page, script)]
        for name, show in STATES.items() if is_phone else ():
            show(page)
            found += [(name, width, theme, *each) for each in violations(page, script)]
        page.context.close()
    assert found == []


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
