"""Opens what is hidden at first, for screenshots and axe: menus, filters, keys that are shown once."""

from collections.abc import Callable

from playwright.sync_api import Page, expect

FOLDED_BELOW = 1280  # pixels: unfold's breakpoint, below which the navigation is collapsed


def navigation(page: Page) -> None:
    """Open the navigation, which is collapsed on a phone."""
    page.goto("/admin/events/event/")
    if page.viewport_size and page.viewport_size["width"] < FOLDED_BELOW:
        page.get_by_role("button", name="Navigation").locator("visible=true").click()
        expect(page.locator("#nav-sidebar")).to_be_in_viewport()


def account_menu(page: Page) -> None:
    """Open the account menu at the bottom of the navigation."""
    navigation(page)
    page.locator("#nav-sidebar [x-on\\:click^=openUserLinks]").click()
    expect(page.get_by_role("link", name="Change password")).to_be_visible()


def kinds(page: Page) -> None:
    """Open the list of kinds in the navigation."""
    navigation(page)
    page.get_by_role("button", name="Events by kind").click()
    expect(page.get_by_role("link", name="impression")).to_be_visible()


def filters(page: Page) -> None:
    """Open the rarely used filters; on a phone, the others are collapsed too."""
    page.goto("/admin/events/event/")
    fold = page.locator(".tally-filter-fold > summary")
    if fold.is_visible():
        fold.click()
    page.locator("details.tally-more summary").click()


def chosen(page: Page) -> None:
    """Select rejected events, which shows the actions for them."""
    page.goto("/admin/ingestion/rejectedevent/")
    page.locator("input.action-select").first.check()


def made_key(page: Page) -> None:
    """Create a key, whose text is shown once."""
    page.goto("/admin/events/apikey/add/")
    page.fill("[name=name]", "pictures")
    page.locator("[name=default_owner]").evaluate("field => { field.selectedIndex = field.length - 1 }")
    page.get_by_role("button", name="Save and continue editing").click()
    expect(page.locator(".tally-secret")).to_be_visible()


def rotated_key(page: Page) -> None:
    """Rotate the key, whose successor is shown once too."""
    page.goto("/admin/events/apikey/")
    page.get_by_role("link", name="Rotate", exact=True).first.click()
    page.get_by_role("button", name="Create the new key").click()
    expect(page.locator(".tally-secret")).to_be_visible()


def wrong_form(page: Page) -> None:
    """Submit an invalid form."""
    page.goto("/admin/events/apikey/add/")
    page.locator("form").evaluate_all("forms => forms.forEach(form => { form.noValidate = true })")
    page.get_by_role("button", name="Save", exact=True).click()
    expect(page.locator(".errorlist, .errornote, [class*=error]").first).to_be_visible()


def kept_source(page: Page) -> None:
    """Try to delete a source that has events."""
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
