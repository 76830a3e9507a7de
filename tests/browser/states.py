"""What opens on demand, for pictures and for axe: menus, filters, and what is shown once."""

from collections.abc import Callable

from playwright.sync_api import Page, expect

FOLDED_BELOW = 1280  # pixels: unfold's breakpoint, below which the navigation opens on demand


def navigation(page: Page) -> None:
    """The navigation, which a phone has folded."""
    page.goto("/admin/events/event/")
    if page.viewport_size and page.viewport_size["width"] < FOLDED_BELOW:
        page.get_by_role("button", name="Navigation").locator("visible=true").click()
        expect(page.locator("#nav-sidebar")).to_be_in_viewport()


def account_menu(page: Page) -> None:
    """The menu of the account, at the foot of the navigation."""
    navigation(page)
    page.locator("#nav-sidebar [x-on\\:click^=openUserLinks]").click()
    expect(page.get_by_role("link", name="Change password")).to_be_visible()


def kinds(page: Page) -> None:
    """The kinds of events, folded in the navigation."""
    navigation(page)
    page.get_by_role("button", name="Events by kind").click()
    expect(page.get_by_role("link", name="impression")).to_be_visible()


def filters(page: Page) -> None:
    """The filters that are rarely used; on a phone the others are folded too."""
    page.goto("/admin/events/event/")
    fold = page.locator(".tally-filter-fold > summary")
    if fold.is_visible():
        fold.click()
    page.locator("details.tally-more summary").click()


def chosen(page: Page) -> None:
    """Rejected events that are chosen, with what can be done with them."""
    page.goto("/admin/ingestion/rejectedevent/")
    page.locator("input.action-select").first.check()


def made_key(page: Page) -> None:
    """A key just made, whose text is shown once."""
    page.goto("/admin/events/apikey/add/")
    page.fill("[name=name]", "pictures")
    page.locator("[name=default_owner]").evaluate("field => { field.selectedIndex = field.length - 1 }")
    page.get_by_role("button", name="Save and continue editing").click()
    expect(page.locator(".tally-secret")).to_be_visible()


def rotated_key(page: Page) -> None:
    """Its successor, shown once too."""
    page.goto("/admin/events/apikey/")
    page.get_by_role("link", name="Rotate", exact=True).first.click()
    page.get_by_role("button", name="Create the new key").click()
    expect(page.locator(".tally-secret")).to_be_visible()


def wrong_form(page: Page) -> None:
    """A form that isn't filled as it must be."""
    page.goto("/admin/events/apikey/add/")
    page.locator("form").evaluate_all("forms => forms.forEach(form => { form.noValidate = true })")
    page.get_by_role("button", name="Save", exact=True).click()
    expect(page.locator(".errorlist, .errornote, [class*=error]").first).to_be_visible()


def kept_source(page: Page) -> None:
    """The list of sources after an attempt to delete one that has events."""
    page.goto("/admin/events/source/?q=prod.example.portal")
    page.locator("input.action-select").first.check()
    page.locator("[name=action]").select_option("delete_chosen")
    page.get_by_role("button", name="Run").click()
    expect(page.get_by_text("Nothing was deleted.")).to_be_visible()


STATES: dict[str, Callable[[Page], None]] = {
    "open-navigation": navigation,
    "open-account-menu": account_menu,
    "open-kinds": kinds,
    "open-filters": filters,
    "open-chosen": chosen,
    "key-made": made_key,
    "key-rotated": rotated_key,
    "key-wrong": wrong_form,
    "source-kept": kept_source,
}
