"""Those who walk, and what each asks with."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import pytest
from django.contrib import admin
from django.contrib.auth.models import User
from django.http import HttpRequest, HttpResponse
from django.test import Client

from events.ownership.api_key import KeyType, Permissions, create_key
from events.ownership.owner import Membership
from telemetry_project.web import errors
from tests.factories import person
from tests.security.world import MINE, THEIRS, Side

# Who walks, and of which owners nothing may be seen or changed.
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
# Secret keys by what they may do.
KEY_RIGHTS = {
    "read key": Permissions.READ,
    "write key": Permissions.WRITE,
    "key that reads and writes": Permissions.BOTH,
}
# Who looks at every page, but leaves asking to others: all is an operator's, and two are leads.
LIKE_OTHERS = ("operator", "lead")
# Links of the navigation keep what these are asked; elsewhere it is the same whatever is asked.
KEPT_BY_NAVIGATION = ("/admin/events/event/?", "/reports/sessions/?")


@dataclass
class Walker:
    """Somebody who asks."""

    client: Client
    headers: dict[str, str]
    user: User | None

    def ask(self, path: str, method: str = "get", **data: Any) -> tuple[int, str]:
        """Status and body of the answer."""
        return self._answer(getattr(self.client, method)(path, data, headers=self.headers))

    def send(self, path: str, body: str) -> tuple[int, str]:
        """Status and body of the answer to JSON that is posted."""
        return self._answer(self.client.post(path, body, "application/json", headers=self.headers))

    def _answer(self, response: Any) -> tuple[int, str]:
        # A message that an answer leaves for the next page would tell what this one asked.
        self.client.cookies.pop("messages", None)
        body = b"".join(response.streaming_content) if response.streaming else response.content
        return response.status_code, body.decode("utf-8", "replace") + response.headers.get("Location", "")

    def ways_out(self) -> set[str]:
        """Where the walker leaves an owner: what everybody may do with their own."""
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
            mine.owner, kind=KeyType.SECRET, permissions=KEY_RIGHTS[who], name=f"walks as {who}"
        )
        headers["Authorization"] = f"Bearer {text}"
    return Walker(client, headers, user)


@contextmanager
def without_navigation() -> Iterator[None]:
    """Leave out what stands around every page, whose rendering takes longer than that of most pages.

    Only for what is asked beside visits to the same addresses with it.
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
