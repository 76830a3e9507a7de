"""The registered report pages. URLs, navigation and tests use this list."""

from reports.pages.activity import builds, interface, learning, overview, sessions
from reports.pages.cost import billing_months, charges, what_if
from reports.pages.health import errors, pipeline, quality, services
from reports.pages.page import Page

# In the order of the navigation.
PAGES: tuple[Page, ...] = (
    overview.PAGE,
    sessions.PAGE,
    errors.PAGE,
    learning.PAGE,
    builds.PAGE,
    interface.PAGE,
    services.PAGE,
    charges.PAGE,
    what_if.PAGE,
    billing_months.PAGE,
    quality.PAGE,
    pipeline.PAGE,
)
GROUPS = tuple(dict.fromkeys(page.group for page in PAGES))
