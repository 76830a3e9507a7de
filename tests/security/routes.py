"""All routes, and how to request each. A route without known parameters is an error."""

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from django.contrib import admin
from django.contrib.contenttypes.models import ContentType
from django.db import models
from django.urls import URLPattern, URLResolver, get_resolver

from events.accounts.invitation import Invitation
from events.event import Event
from events.exports.jobs import ExportJob
from events.fields.types import JSON, NAME, TEXT, TEXTS
from events.kinds import KINDS
from events.ownership.api_key import ApiKey
from events.ownership.owner import Membership, Owner
from events.ownership.source import Source
from events.sessions.session import Session
from events.webhooks.webhook import Webhook
from ingestion.receiving.urls import urlpatterns as ingest_patterns
from ingestion.rejected.event import RejectedEvent
from ingestion.rejected.replay_jobs import ReplayJob
from reports.cost.budgets import Budget
from reports.digests.models import Subscription
from telemetry_project.api import router
from tests.security.world import Side

INGEST = {str(entry.pattern) for entry in ingest_patterns}  # covered by tests/ingestion and tests/bad_input
SUFFIX = "<drf_format_suffix:format>"
PARAMETER = re.compile(r"<(?:\w+:)?(\w+)>")
APPS = re.compile(r"admin/\^\(\?P<app_label>([\w|]+)\)/\$")

# Lists that share a class, so that all filters are tried on only one.
ALIKE = {entry.model for name, entry in KINDS.items() if name != "log"}
# Models of the API's objects, by prefix.
OF_PREFIX: dict[str, type[models.Model]] = {
    "events": Event,
    "sessions": Session,
    "rejected": RejectedEvent,
    "exports": ExportJob,
    "owners": Owner,
    "sources": Source,
    "keys": ApiKey,
    "members": Membership,
    "invitations": Invitation,
    "webhooks": Webhook,
    "budgets": Budget,
    "subscriptions": Subscription,
}
# Routes with parameters of their own, and query strings to try. {word} is an owner's.
QUERIES: dict[str, tuple[str, ...]] = {
    "admin/search/": ("s={word}", "s={word}&extended=1"),
    "admin/login/": ("", "next=/admin/"),
}
# Routes that would end the session or log in as somebody else.
NOT_POSTED = {"admin/logout/", "admin/login/", "admin/password_change/"}


@dataclass(frozen=True)
class Route:
    """One pattern of the URL configuration."""

    pattern: str
    callback: Any

    @property
    def model(self) -> type[models.Model] | None:
        """The model whose admin it belongs to."""
        found = re.match(r"admin/(\w+)/(\w+)/", self.pattern)
        for model in admin.site._registry:
            if found and (model._meta.app_label, model._meta.model_name) == found.groups():
                return model
        return None

    @property
    def view(self) -> Any:
        """The class of the API's view."""
        return getattr(self.callback, "cls", None)

    def paths(self, side: Side) -> list[str]:
        """Return the addresses about one owner's rows. Raises LookupError without known parameters."""
        if self.pattern in FIXED:
            return FIXED[self.pattern]
        if apps := APPS.fullmatch(self.pattern):
            return [f"/admin/{app}/" for app in apps[1].split("|")]
        names = PARAMETER.findall(self.pattern)
        if not names:
            return [f"/{self.pattern}"]
        if len(names) == 1 and names[0] in BY_NAME:
            return [PARAMETER.sub(value, f"/{self.pattern}") for value in BY_NAME[names[0]](side)]
        if len(names) == 1 and (rows := self._rows(side)):
            return [PARAMETER.sub(str(row.pk), f"/{self.pattern}") for row in rows]
        if self.pattern == "admin/r/<path:content_type_id>/<path:object_id>/":
            kind = ContentType.objects.get_for_model(type(side.owner))
            return [f"/admin/r/{kind.pk}/{side.owner.pk}/"]
        raise LookupError(f"Nobody knows how to visit {self.pattern}: say it in tests/security/routes.py")

    def _rows(self, side: Side) -> list[Any]:
        model = self.model
        if model is None and self.view is not None:
            model = self._model_of_view()
        return side.rows(model)[:2] if model else []

    def _model_of_view(self) -> type[models.Model] | None:
        """Return the model of the view's prefix in the router."""
        for prefix, view, _ in router.registry:
            if view is self.view and (model := OF_PREFIX.get(prefix)):
                return model
        return None


# Values of parameters other than the primary key of the page's model.
BY_NAME: dict[str, Callable[[Side], list[str]]] = {
    "path": lambda _: ["tutorial/", "nowhere"],
    "form": lambda _: ["csv", "xlsx", "ndjson"],
    "job": lambda side: [str(row.pk) for row in side.rows(ReplayJob)],
}
FIXED: dict[str, list[str]] = {
    # Links in mails grant access by themselves: tests/mail follows real ones.
    "mail/confirm/<str:token>": ["/mail/confirm/nonsense"],
    "mail/end/<str:token>": ["/mail/end/nonsense"],
    # So are those of invitations and new passwords.
    "admin/invitation/<str:token>/": ["/admin/invitation/nonsense/"],
    "admin/reset/<uidb64>/<token>/": ["/admin/reset/MQ/nonsense/"],
    # Links of downloads are signed: tests/admin/test_export_jobs.py follows real ones.
    "admin/events/exportjob/download/<str:token>/": ["/admin/events/exportjob/download/nonsense/"],
    "api/v1/exports/download/<str:token>/": ["/api/v1/exports/download/nonsense/"],
    "admin/(?P<url>.*)$": ["/admin/nowhere"],
    "api/v1/reports/<str:page>/": ["/api/v1/reports/overview/", "/api/v1/reports/cost/"],
    "api/v1/reports/<str:page>/<str:section>/": [
        "/api/v1/reports/overview/sources/",
        "/api/v1/reports/sessions/listed/",
    ],
}


def routes() -> list[Route]:
    """Return all routes except ingest endpoints and suffixed duplicates of the API's."""
    found = [Route(pattern, callback) for pattern, callback in _walk(get_resolver().url_patterns, "")]
    return [each for each in found if each.pattern not in INGEST and SUFFIX not in each.pattern]


def _walk(entries: Iterable[Any], before: str) -> Iterator[tuple[str, Any]]:
    for entry in entries:
        pattern = before + str(entry.pattern)
        if isinstance(entry, URLPattern):
            yield pattern, entry.callback
        else:
            assert isinstance(entry, URLResolver)
            yield from _walk(entry.url_patterns, pattern)


def questions(route: Route, side: Side, *, every_filter: bool = True) -> list[str]:
    """Return query strings about an owner for an address: search, filters, order, lookups.

    Without `every_filter`, lists and the API are filtered only by owner and source, since there are hundreds
    of filters. The same applies to exports, which have the rows of their lists.
    """
    if route.pattern in QUERIES:
        return [each.format(word=side.word) for each in QUERIES[route.pattern]]
    if route.pattern.startswith(("reports/", "api/v1/reports/")):
        return ["", *_of_report(side)]
    if route.pattern == "admin/autocomplete/":
        return list(_autocompletes(side))
    if route.model and route.pattern.endswith((f"/{route.model._meta.model_name}/", "export.<str:form>")):
        every_filter &= route.model not in ALIKE and "export" not in route.pattern
        return ["", *_of_list(admin.site._registry[route.model], side, every_filter)]
    if route.view is not None:
        return ["", *_of_api(route, side, every_filter)]
    return [""]


WORDS = ("{word}", "{word}-sid", "{word} owner", "{word}-actor", "{word}-did")
# Lookups without a filter, which would reveal values by the number of rows.
BESIDE = (
    "owner__name__startswith={word}",
    "default_owner__name__startswith={word}",
    "user__username__startswith={word}",
    "user__password__startswith=p",
    "name__startswith={word}",
    "o=1.2",
    "all=",
)


def _of_list(model_admin: Any, side: Side, every_filter: bool) -> Iterator[str]:
    if not every_filter:
        yield from (f"q={side.word}-sid", f"owner={side.owner.pk}", f"source={_source(side)}")
        return
    for word in WORDS:
        yield f"q={word.format(word=side.word)}"
    for each in BESIDE:
        yield each.format(word=side.word)
    for spec in model_admin.list_filter:
        name = spec if isinstance(spec, str) else getattr(spec, "parameter_name", None)
        assert name, f"nobody knows how to ask {spec}"
        for value in VALUES.get(name, DEFAULT_VALUES):
            yield f"{name}={value(side)}"


def _of_api(route: Route, side: Side, every_filter: bool) -> Iterator[str]:
    if "<" in route.pattern:
        return
    for name in (
        *getattr(getattr(route.view, "filterset_class", None), "base_filters", ()),
        *_of_vocabulary(route.view),
    ):
        if not every_filter and name not in ("owner", "source"):
            continue
        values = VALUES.get(name, DEFAULT_VALUES)
        yield f"{name}={values[-1](side)}"


def _of_vocabulary(view: Any) -> Iterator[str]:
    """Yield the text filters: of a kind's or the list's own columns, and of paths inside JSON."""
    vocabulary, kind = getattr(view, "vocabulary", None), getattr(view, "kind", "")
    for name, (field, *_) in vocabulary or ():
        if field.type in (TEXT, NAME, TEXTS, JSON) and (field.kind == kind or name in ("owner", "source")):
            yield name
    yield from (
        name for name in ("extra.**.odd", "correlation.id") if vocabulary and vocabulary.read(name)[0]
    )


def _of_report(side: Side) -> Iterator[str]:
    """Yield filters by owner, source and version."""
    yield from (f"owner={side.owner.pk}", f"source={_source(side)}", f"version={side.word}")
    yield f"owner={side.owner.pk}&period=30d&compare=none"


def _autocompletes(side: Side) -> Iterator[str]:
    for model in admin.site._registry:
        for field in (*model._meta.fields, *model._meta.many_to_many):
            if field.related_model in admin.site._registry:
                app, name = model._meta.app_label, model._meta.model_name
                yield f"app_label={app}&model_name={name}&field_name={field.name}&term={side.word}"


def _source(side: Side) -> Any:
    return Source.objects.filter(name__startswith=side.word).values_list("pk", flat=True)[0]


# Values of filters: the admin's first, then the API's.
VALUES: dict[str, tuple[Any, ...]] = {
    "owner": (lambda side: side.owner.pk, lambda side: side.owner.name),
    "source": (_source, lambda side: f"{side.word}-app"),
    "kind": (lambda _: "log",),
    "dialect": (lambda _: "sunbird",),
    "period": (lambda _: "7d",),
    "session": (lambda side: f"{side.word}-sid",),
    "actor": (lambda side: f"{side.word}-actor",),
    "device": (lambda side: f"{side.word}-did",),
}
DEFAULT_VALUES: tuple[Any, ...] = (lambda _: "", lambda _: "1", lambda side: side.word)
