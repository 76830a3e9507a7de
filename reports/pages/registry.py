"""The report pages that there are. URLs, navigation and tests walk this list."""

from reports.pages import (
    billing_months,
    builds,
    cost,
    errors,
    interface,
    learning,
    overview,
    pipeline,
    quality,
    services,
    sessions,
    what_if,
)
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
    cost.PAGE,
    what_if.PAGE,
    billing_months.PAGE,
    quality.PAGE,
    pipeline.PAGE,
)
GROUPS = tuple(dict.fromkeys(page.group for page in PAGES))
