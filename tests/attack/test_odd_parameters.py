"""Every declared parameter gets odd values: filters, searches, orders, pages, cursors.

The routes come from the URL configuration and the parameters from registries and classes, so that a new one
is included without a line here.
"""

from collections import Counter
from collections.abc import Iterator
from contextlib import nullcontext
from typing import Any, NamedTuple

import pytest
from django.contrib import admin
from django.db import transaction
from django.test import Client
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from events.api.endpoint import FIELDS
from events.kinds import KINDS
from reports.pages.links import SHARED
from reports.pages.registry import PAGES
from tests.attack.odd_values import Odd, odd_value
from tests.factories import person
from tests.security.routes import Route, routes
from tests.security.walkers import KEPT_BY_NAVIGATION, without_navigation
from tests.security.world import MINE, Side, world
from tests.sending import MakeSender

VALUES = 5_000  # the fewest that a run sends
TOGETHER = 5  # in one request: more would mask each other
EXAMPLES = 2  # per parameter
FEW = settings(
    max_examples=EXAMPLES,
    database=None,
    suppress_health_check=list(HealthCheck),
    phases=[Phase.explicit, Phase.generate],
)
# Parameters that lists read besides filters: Django's and our own.
OF_LISTS = (
    "q",
    "o",
    "p",
    "all",
    "e",
    "after",
    "before",
    "_facets",
    "_popup",
    "_to_field",
    "_changelist_filters",
)
# Parameters that other views read by name.
ANYWHERE = (
    "q",
    "s",
    "term",
    "page",
    "next",
    "owner",
    "period",
    "month",
    "as",
    "ids",
    "format",
    "odd[]",
    "a\x00",
)
RELATED = ("app_label", "model_name", "field_name", "term", "page")
# Filters by paths inside JSON, which no list of parameters includes.
PATHS = tuple(
    f"{path}{operator}"
    for path in ("extra.edata.odd", 'extra."a.b".*', "correlation.id", "items.obj.id", "edata.pageid")
    for operator in ("", "__in", "__gte", "__contains", "__isnull")
)
LEFT = {"admin/logout/"}  # ends the client's session
ALIKE = ("<path:object_id>/", "/history/", "/delete/", "/add/")  # read no parameters of their own
# Exports of kinds take the filters of their lists.
SAME_FILTERS = {f"admin/events/{kind.model._meta.model_name}/export.<str:form>" for kind in KINDS.values()}


class Surface(NamedTuple):
    """An address and the names of its parameters."""

    path: str
    names: tuple[str, ...]


class _UndoError(Exception):
    """Rolls back what a request wrote."""


def parameters(route: Route) -> tuple[str, ...]:
    """Return the parameters that a route declares."""
    names: list[str] = []
    model = route.model
    if model and route.pattern.endswith((f"/{model._meta.model_name}/", "export.<str:form>", "matching/")):
        specs: Any = admin.site._registry[model].list_filter
        names = [spec if isinstance(spec, str) else spec.parameter_name for spec in specs] + list(OF_LISTS)
    elif route.view is not None:
        view = route.view
        names = [*getattr(view, "parameters", ()), FIELDS]
        if "<" not in route.pattern:
            names += getattr(getattr(view, "filterset_class", None), "base_filters", ())
            names += own_filters(view)
            names += (
                sorted(paging.parameters()) if (paging := getattr(view, "pagination_class", None)) else []
            )
    elif route.pattern == "admin/autocomplete/":
        names = list(RELATED)
    elif page := next((page for page in PAGES if route.pattern == f"reports/{page.name}/"), None):
        names = [*SHARED, *page.own, "sort", "csv", "xlsx"]
    return tuple(dict.fromkeys(names)) or ANYWHERE


def own_filters(view: Any) -> list[str]:
    """Return a list's filters by its own columns and by paths; those of the envelope are tried once."""
    vocabulary, kind = getattr(view, "vocabulary", None), getattr(view, "kind", "")
    if vocabulary is None:
        return []
    own = [name for name in vocabulary.parameters() if vocabulary.read(name)[0][0].kind == kind]
    return own if kind else [*own, *(path for path in PATHS if vocabulary.read(path)[0])]


def surfaces(side: Side) -> Iterator[Surface]:
    """Yield each address once, with the first object of its kind."""
    for route in routes():
        if not (route.pattern in LEFT or route.pattern.endswith(ALIKE) or route.pattern in SAME_FILTERS):
            yield Surface(route.paths(side)[0], parameters(route))


@pytest.fixture
def side(make_sender: MakeSender, settings: Any) -> Side:
    settings.RATE_LIMITS = False  # they have tests of their own
    return world(make_sender)[MINE]


@pytest.fixture
def olga(db: None) -> Client:
    client = Client(raise_request_exception=False)
    client.force_login(person("olga", is_superuser=True))
    return client


def status_of(client: Client, path: str, params: dict[str, Odd]) -> int:
    """Return the status of the response after reading it to its end. Roll back what the request wrote."""
    found = 0
    try:
        with transaction.atomic():
            response: Any = client.get(path, encoded(params))
            if response.streaming:
                b"".join(response.streaming_content)
            found = response.status_code
            raise _UndoError  # noqa: TRY301  (the only way to roll back)
    except _UndoError:
        return found


def encoded(params: dict[str, Odd]) -> Any:
    """Encode values as a careless client does, which sends lone surrogates as they are."""

    def as_bytes(text: str) -> bytes:
        return text.encode("utf-8", "surrogatepass")

    return {
        name: [as_bytes(each) for each in value] if isinstance(value, list) else as_bytes(value)
        for name, value in params.items()
    }


def statuses_of_odd_values(client: Client, surface: Surface) -> list[tuple[int, str]]:
    """Return the statuses of an address when its parameters have odd values, a few at a time."""
    seen: list[tuple[int, str]] = []

    @FEW
    @given(st.fixed_dictionaries({name: odd_value(surface.path + name) for name in surface.names}))
    def ask(values: dict[str, Odd]) -> None:
        left = list(values.items())
        while left:
            params, left = dict(left[:TOGETHER]), left[TOGETHER:]
            status = status_of(client, surface.path, params)
            shown = {name: str(value)[:60] for name, value in params.items()}
            seen.extend([(status, f"{surface.path} {shown!r}")] * len(params))

    ask()
    return seen


LISTS_PER_FILTER = 2  # lists on which a filter is tried: lists of kinds share most filters


def lists() -> Iterator[tuple[str, list[str]]]:
    """Yield each list of the admin with the names of its filters."""
    tried: Counter[str] = Counter()
    of_kinds = {kind.model for kind in KINDS.values()}
    for model, its_admin in admin.site._registry.items():
        specs: Any = its_admin.list_filter
        names = [spec if isinstance(spec, str) else spec.parameter_name for spec in specs]
        if model in of_kinds:
            names = [name for name in names if tried[name] < LISTS_PER_FILTER]
            tried.update(names)
        yield f"/admin/{model._meta.app_label}/{model._meta.model_name}/", names


@pytest.mark.parametrize(("path", "names"), list(lists()))
def test_lists_explain_odd_filters(olga: Client, path: str, names: list[str]) -> None:
    for name in [*names, "pass", "is_bot", "owner__name"]:
        for query in (f"{name}=maybe", f"{name}__exact=maybe", f"{name}__gt=1", f"{name}__regex=("):
            response: Any = olga.get(f"{path}?{query}", follow=True)
            assert response.status_code == 200, f"{path}?{query}"
            page = response.content.decode()
            said = "has no filter", "none of the choices", "No rows match", "can't be read", "tally-empty"
            assert any(words in page for words in said), f"{path}?{query}"


def test_no_odd_parameter_value_causes_a_server_error(olga: Client, side: Side) -> None:
    seen: list[tuple[int, str]] = []
    for surface in surfaces(side):
        with nullcontext() if f"{surface.path}?" in KEPT_BY_NAVIGATION else without_navigation():
            seen += statuses_of_odd_values(olga, surface)
    failed = [f"{status} {what}" for status, what in seen if status >= 500]

    assert failed == [], f"{len(failed)} of {len(seen)}:\n" + "\n".join(failed[:40])
    assert len(seen) >= VALUES
