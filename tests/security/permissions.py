"""Generates the tables of docs/reference/permissions.md by requesting every page as everybody."""

from collections.abc import Iterable

from django.contrib import admin
from django.contrib.auth.models import AnonymousUser
from django.test import RequestFactory

from tests.security.routes import Route, routes
from tests.security.walkers import KEYS, MANAGING, SEES, Walker, walker
from tests.security.world import MINE, Side

TOP = """# Who may do what

Made by `make docs-permissions` from what each person gets when they ask, which a test holds up to date.
Another walks every page, filter, search and form as each of them, and finds nothing of anybody else's.

All of it is about one owner, what belongs to it, and its organization. What an operator sees is everything;
what all others see is their own.
"""
PEOPLE = tuple(who for who in SEES if who not in KEYS)
OF_API = (*SEES, MANAGING)
NOTHING = "-"
# Routes without permissions of their own: those that show no page or change with each visit.
UNSAID = ("admin/(?P<url>.*)$", "admin/logout/", "admin/autocomplete/", "admin/jsi18n/")
OF_EVERY_MODEL = ("", "add/", "history/", "delete/", "change/")


def page(sides: dict[str, Side]) -> str:
    """Return the page."""
    walkers = {who: walker(who, sides) for who in OF_API}
    mine = sides[MINE]
    models = [_model(model, walkers, mine) for model in sorted(admin.site._registry, key=str)]
    others = [each for each in routes() if not _is_of_model(each) and each.pattern not in UNSAID]
    pages = [
        _route(each, walkers, mine, PEOPLE)
        for each in others
        if each.pattern.startswith(("admin/", "reports/"))
    ]
    api = [
        _route(each, walkers, mine, OF_API)
        for each in others
        if each.pattern.startswith(("api/", "reference/"))
    ]
    return "\n".join(
        (
            TOP,
            "## Pages of the admin\n",
            *_table("What", PEOPLE, models),
            "\n## Further pages\n",
            *_table("Path", PEOPLE, pages),
            "\n## The API\n",
            *_table("Path", OF_API, api),
            "",
        )
    )


def _table(first: str, columns: Iterable[str], rows: Iterable[tuple[str, ...]]) -> list[str]:
    head = (first, *columns)
    return [f"| {' | '.join(row)} |" for row in (head, ("---",) * len(head), *rows)]


def _model(model: type, walkers: dict[str, Walker], side: Side) -> tuple[str, ...]:
    name = str(model._meta.verbose_name_plural)  # type: ignore[attr-defined]  # a model's
    return (name[:1].upper() + name[1:], *(_of_model(model, walkers[who], side) for who in PEOPLE))


def _of_model(model: type, one: Walker, side: Side) -> str:
    row = side.rows(model)[0]
    at = f"/admin/{model._meta.app_label}/{model._meta.model_name}/"  # type: ignore[attr-defined]  # as above
    paths = {"see": f"{at}{row.pk}/change/", "add": f"{at}add/", "delete": f"{at}{row.pk}/delete/"}
    found = [what for what, path in paths.items() if one.ask(path)[0] == 200]
    request = RequestFactory().get("/")
    request.user = one.user or AnonymousUser()
    if admin.site._registry[model].has_change_permission(request, row):
        found.insert(1, "change")
    return ", ".join(found) or NOTHING


def _route(route: Route, walkers: dict[str, Walker], side: Side, people: tuple[str, ...]) -> tuple[str, ...]:
    path = route.paths(side)[0]
    return (f"`/{route.pattern}`", *(_answer(walkers[who], path) for who in people))


def _answer(one: Walker, path: str) -> str:
    status, body = one.ask(path)
    if status in (301, 302, 308):
        return "led on" if "/login/" not in body else NOTHING
    return {200: "yes", 405: "by form"}.get(status, NOTHING)


def _is_of_model(route: Route) -> bool:
    """True for the pages that every model has."""
    if route.model is None:
        return False
    at = f"admin/{route.model._meta.app_label}/{route.model._meta.model_name}/"
    rest = route.pattern.removeprefix(at).removeprefix("<path:object_id>/")
    return rest in OF_EVERY_MODEL
