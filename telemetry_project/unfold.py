"""The look and navigation of the admin. Read by settings, so nothing here imports a model."""

from collections.abc import Callable
from typing import Any

from django.http import HttpRequest
from django.templatetags.static import static
from django.urls import reverse_lazy

# One calm blue-green. White text on shade 600 has a contrast of 5.9:1, shade 400 on dark pages 7:1.
PRIMARY = {
    "50": "oklch(97.5% .012 222)",
    "100": "oklch(94.5% .025 222)",
    "200": "oklch(89% .048 222)",
    "300": "oklch(82% .078 222)",
    "400": "oklch(74% .1 222)",
    "500": "oklch(64% .105 223)",
    "600": "oklch(51% .092 225)",
    "700": "oklch(44% .08 227)",
    "800": "oklch(37% .066 229)",
    "900": "oklch(31% .052 231)",
    "950": "oklch(24% .038 233)",
}


REPORTS = "/reports/"
LISTS = "/admin/events/"  # of events and sessions


def is_operator(request: HttpRequest) -> bool:
    """True if the person is an operator."""
    from events.access import access_of  # settings are read before there are models

    return access_of(request).is_operator


def sees_anything(request: HttpRequest) -> bool:
    """True if the person is an operator or a member of any owner."""
    from events.access import access_of  # settings are read before there are models

    return not access_of(request).is_empty


def leads_anything(request: HttpRequest) -> bool:
    """True if the person is an operator or the lead of any owner."""
    from events.access import access_of

    return access_of(request).leads_any


def _file(path: str) -> Callable[[HttpRequest], str]:
    return lambda _: static(path)


Item = dict[str, Any]  # as unfold takes it: texts, links and functions
Group = dict[str, Any]  # a title, and its items


def _item(title: str, icon: str, page: str, permission: Callable[[HttpRequest], bool]) -> Item:
    return {
        "title": title,
        "icon": icon,
        "link": reverse_lazy(f"admin:{page}"),
        "permission": permission,
    }


def _page(title: str, icon: str, page: str) -> Item:
    """Return an item for a page outside the admin, for people who see any owner."""
    return {"title": title, "icon": icon, "link": reverse_lazy(page), "permission": sees_anything}


def _is_rejected(request: HttpRequest) -> bool:
    """True if a page is about rejected events. The list of accounts has a separate item."""
    begin = "/admin/ingestion/rejectedevent/"
    return request.path.startswith(begin) and not request.path.startswith(f"{begin}accounts/")


def _is_event(request: HttpRequest) -> bool:
    """True if a page is about events of all kinds. Partitions have a separate item."""
    begin = "/admin/events/event/"
    return request.path.startswith(begin) and not request.path.startswith(f"{begin}partitions/")


NAVIGATION: list[Group] = [
    {
        "items": [
            _item("Overview", "monitoring", "index", lambda _: True),
            _item("Events", "list_alt", "events_event_changelist", sees_anything) | {"active": _is_event},
            _item("Sessions", "timeline", "events_session_changelist", sees_anything),
            _item("Exports", "download", "events_exportjob_changelist", sees_anything),
        ]
    },
    {
        "title": "Data quality",
        "items": [
            _item("Rejected", "report", "ingestion_rejected_groups", sees_anything)
            | {"active": _is_rejected},
            _item("Replays", "replay", "ingestion_replayjob_changelist", sees_anything),
            _item("Accounts", "balance", "ingestion_accounts", sees_anything),
        ],
    },
    {
        "title": "Settings",
        "items": [
            _item("Owners", "groups", "events_owner_changelist", sees_anything),
            _item("Members", "person", "events_membership_changelist", sees_anything),
            _item("Invitations", "person_add", "accounts_invitation_changelist", leads_anything),
            _item("Sources", "apps", "events_source_changelist", sees_anything),
            _item("API keys", "key", "events_apikey_changelist", sees_anything),
            _page("Documentation", "menu_book", "documentation"),
            _page("API reference", "api", "docs"),
            _page("Fields of events", "data_object", "formats"),
            _item("Subscriptions", "mail", "digests_subscription_changelist", sees_anything),
            _item("Addresses", "contact_mail", "mail_address_changelist", leads_anything),
            _item("Mails", "outgoing_mail", "mail_sentmail_changelist", sees_anything),
            _item("Webhooks", "webhook", "events_webhook_changelist", leads_anything),
            _item("Webhook deliveries", "send", "events_webhookattempt_changelist", leads_anything),
            _item("Budgets", "savings", "cost_budget_changelist", sees_anything),
            _item("Audit trail", "history", "accounts_auditentry_changelist", leads_anything),
        ],
    },
    {
        "title": "Operations",
        "items": [
            _item("Waiting requests", "inbox", "ingestion_inboxrequest_changelist", is_operator),
            _item("Partitions", "database", "events_partitions", is_operator),
            _item("Price plans", "price_change", "cost_priceplan_changelist", is_operator),
            _item("Prices", "sell", "cost_price_changelist", is_operator),
            _item("Plans in force", "contract", "cost_planassignment_changelist", is_operator),
            _item("Discounts", "percent", "cost_discount_changelist", is_operator),
            _item("Platform costs", "dns", "cost_platformcost_changelist", is_operator),
            _item("Organizations", "domain", "events_organization_changelist", is_operator),
            _item("People", "manage_accounts", "auth_user_changelist", is_operator),
        ],
    },
]


def navigation(request: HttpRequest) -> list[Group]:
    """Return the navigation, with a collapsed list of kinds, and the report pages in groups."""
    from events.kinds import KINDS  # as above

    first, *others = NAVIGATION
    kinds = [
        _item(name, "label", f"events_{entry.model._meta.model_name}_changelist", sees_anything)
        for name, entry in sorted(KINDS.items())
    ]
    asked = _asked_of_lists(request)
    front, *lists = first["items"]
    first = {"items": [front, *(item | {"link": f"{item['link']}{asked}"} for item in lists)]}
    kinds = [item | {"link": f"{item['link']}{asked}"} for item in kinds]
    folded = {"title": "Events by kind", "collapsible": True, "items": kinds}
    reports = _reports(request)
    joined = [group | {"items": [*reports.pop(group["title"], []), *group["items"]]} for group in others]
    reported = ({"title": title, "items": items} for title, items in reports.items())
    return [_permitted(group, request) for group in (first, folded, *reported, *joined)]


def _permitted(group: Group, request: HttpRequest) -> Group:
    """Return the group with the items that the person may see.

    Done here because unfold would create a class for each permission on every page, and resolve each link
    several times.
    """
    items = [
        {name: value for name, value in item.items() if name != "permission"} | {"link": str(item["link"])}
        for item in group["items"]
        if item["permission"](request)
    ]
    return group | {"items": items}


def _asked_of_lists(request: HttpRequest) -> str:
    """Return the page's filters as a query for lists of events and sessions."""
    from reports.pages.links import for_lists, for_reports, query

    params = {name: request.GET.getlist(name) for name in request.GET}
    if request.path.startswith(LISTS):
        return query(for_lists(for_reports(params)))
    return query(for_lists(params)) if request.path.startswith(REPORTS) else ""


def _reports(request: HttpRequest) -> dict[str, list[Item]]:
    """Return the report pages by group. Filters are kept between them, and from lists of events."""
    from reports.pages.links import address, for_reports, shared
    from reports.pages.registry import PAGES

    params = {name: request.GET.getlist(name) for name in request.GET}
    kept: dict[str, list[str]] = {}
    if request.path.startswith(REPORTS):
        kept = shared(params)
    elif request.path.startswith(LISTS):
        kept = for_reports(params)
    groups: dict[str, list[Item]] = {}
    for page in PAGES:
        item = {
            "title": page.title,
            "icon": page.icon,
            "link": address(page.name, kept),
            "active": request.path == address(page.name, {}),
            "permission": is_operator if page.operators_only else sees_anything,
        }
        groups.setdefault(page.group, []).append(item)
    return groups


UNFOLD: dict[str, object] = {
    "SITE_TITLE": "Tally",
    "SITE_HEADER": "Tally",
    "SITE_SUBHEADER": "Telemetry by team",
    "SITE_SYMBOL": "monitoring",
    "SITE_FAVICONS": [{"rel": "icon", "type": "image/svg+xml", "href": _file("events/icon.svg")}],
    "SITE_URL": None,
    "SHOW_HISTORY": True,
    "SHOW_VIEW_ON_SITE": False,
    "BORDER_RADIUS": "6px",
    "COLORS": {"primary": PRIMARY},
    "STYLES": [_file("events/admin.css"), _file("events/sessions.css")],
    "SCRIPTS": [_file("events/admin.js"), _file("events/filters.js"), _file("events/reachable.js")],
    "DASHBOARD_CALLBACK": "telemetry_project.front_page.context",
    "SIDEBAR": {"show_search": False, "show_all_applications": False, "navigation": navigation},
    "LOGIN": {"form": "events.accounts.views.LoginForm"},
    "ACCOUNT": {
        # Our links replace unfold's, such as the one to the password.
        "navigation": [
            {"title": "Second factor", "link": reverse_lazy("second-factor")},
            {"title": "Change password", "link": reverse_lazy("admin:password_change")},
        ],
    },
}
