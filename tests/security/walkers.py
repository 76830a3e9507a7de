"""The kinds of people and keys that the tests make requests as."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import pytest
from django.contrib import admin
from django.contrib.auth.models import User
from django.http import HttpRequest, HttpResponse
from django.test import Client

from events.ownership.api_key import KeyType, Permission, create_key
from events.ownership.owner import Membership
from telemetry_project.web import errors
from tests.factories import person
from tests.security.world import MINE, THEIRS, Side

# Who makes requests, and which owners' data each may see.
SEES = {
    "operator": (MINE, THEIRS),
    "lead": (MINE,),
    "viewer": (MINE,),
    "lead of another owner": (THEIRS,),
    "member of nothing": (),
    "anonymous": (),
    "secret key": (MINE,),
    "publishable key": (),
}
LEADS = {"lead": MINE, "secret key": MINE, "lead of another owner": THEIRS}
KEYS = ("secret key", "publishable key")
MANAGING = "key that manages"
# Secret keys by their permissions.
KEY_RIGHTS = {
    "read key": (Permission.READ,),
    "write key": (Permission.WRITE,),
    "key that reads and writes": (Permission.WRITE, Permission.READ),
    MANAGING: (Permission.MANAGE,),
}
# They open every page, but try no filters: operators see everything, and another lead tries them.
LIKE_OTHERS = ("operator", "lead")
# Pages whose parameters are kept in links of the navigation, which is the same everywhere else.
KEPT_BY_NAVIGATION = ("/admin/events/event/?", "/reports/sessions/?")


@dataclass
class Walker:
    """A person or key that makes requests."""

    client: Client
    headers: dict[str, str]
    user: User | None

    def ask(self, path: str, method: str = "get", **data: Any) -> tuple[int, str]:
        """Make a request, and return the status and body of the response."""
        return self._answer(getattr(self.client, method)(path, data, headers=self.headers))

    def send(self, path: str, body: str) -> tuple[int, str]:
        """Post JSON, and return the status and body of the response."""
        return self._answer(self.client.post(path, body, "application/json", headers=self.headers))

    def _answer(self, response: Any) -> tuple[int, str]:
        # A message left for the next page would repeat the parameters of this request.
        self.client.cookies.pop("messages", None)
        body = b"".join(response.streaming_content) if response.streaming else response.content
        return response.status_code, body.decode("utf-8", "replace") + response.headers.get("Location", "")

    def ways_out(self) -> set[str]:
        """Return the addresses for leaving an owner, which all members may use."""
        mine = Membership.objects.filter(user=self.user) if self.user else []
        return {f"/admin/events/membership/{each.pk}/delete/" for each in mine}


def walker(who: str, sides: dict[str, Side]) -> Walker:
    mine, theirs = sides[MINE], sides[THEIRS]
    users = {
        "operator": lambda: _person("olga", is_superuser=True),
        "lead": lambda: mine.lead,
        "viewer": lambda: mine.viewer,
        "lead of another owner": lambda: theirs.lead,
        "member of nothing": lambda: _person("charlie"),
    }
    client, headers = Client(), {}
    user = users[who]() if who in users else None
    if user:
        client.force_login(user)
    if who in KEYS:
        sender = mine.reader if who == "secret key" else mine.sender
        headers["Authorization"] = f"Bearer {sender.text}"
    if who in KEY_RIGHTS:
        _, text = create_key(
            mine.owner,
            kind=KeyType.SECRET,
            permissions=KEY_RIGHTS[who],
            name=f"walks as {who}",
            created_by=mine.lead.pk,
        )
        headers["Authorization"] = f"Bearer {text}"
    return Walker(client, headers, user)


@contextmanager
def without_navigation() -> Iterator[None]:
    """Render pages without their navigation, which takes longer than most pages themselves.

    Use it only for addresses that are also requested with navigation.
    """
    around: dict[Any, dict[str, Any]] = {}
    original = admin.site.each_context

    def each_context(request: HttpRequest) -> dict[str, Any]:
        who = request.user.pk
        if who not in around:
            around[who] = original(request) | {"sidebar_navigation": []}
        return dict(around[who])

    def refusal(_request: HttpRequest, _template: str, context: dict[str, Any], status: int) -> HttpResponse:
        return HttpResponse(" ".join(context["leads"]), status=status)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(admin.site, "each_context", each_context)
        patch.setattr(errors, "render", refusal)
        yield


def _person(name: str, **options: Any) -> User:
    return User.objects.filter(username=name).first() or person(name, **options)
