"""EmittedEvent: an event of Buildless's telemetry service (a build, a cache, a tool)."""

import re
from collections.abc import Iterator, Mapping
from typing import Annotated

import msgspec
from django.db import models
from msgspec import UNSET, Meta, UnsetType

from events.kinds.base import BuildlessKind
from events.wire.checks import Check, between, example
from events.wire.columns import (
    NOT_BLANK,
    Base64,
    Flag,
    Name,
    Need,
    Number,
    Objects,
    Open,
    Stored,
    Text,
    Uint32,
    Uint64,
)
from events.wire.schema import Warned
from events.wire.validators import Fault, shown, written_as
from events.wire.values import Wire

# In proto3 JSON, both null and the empty text mean "not set".
Collection = Annotated[str, written_as(r"^(?:[A-Za-z]{3,32})?\Z", "3 to 32 letters")] | None
CONTEXT_TYPE = written_as(
    r"^type\.googleapis\.com/buildless\.context\..",
    "a name below type.googleapis.com/buildless.context",
    min_length=1,
    max_length=64,
)
RESOURCE = written_as(r"^(?:[^:]+::.+)?\Z", "a kind and an id, as in kind::id", max_length=128)
SHOWN = 200  # characters of a path: keys may be as long as an event
RESERVED = "buildless"  # no key of a client's own data may have this in it

PROVIDERS = ("NO_REPOSITORY_PROVIDER", "GITHUB")
OS_FAMILIES = ("UNKNOWN_OS_FAMILY", "UNIX", "LINUX", "DARWIN", "WINDOWS", "OTHER_OS")
ARCHITECTURES = ("UNKNOWN_ARCH", "X86", "ARM")


class Context(msgspec.Struct):
    """What an event is about. Source: buildless.telemetry.EventContext."""

    type: Annotated[str, CONTEXT_TYPE]
    event: Annotated[str, Meta(pattern=NOT_BLANK, max_length=64)]
    resource: Annotated[str, RESOURCE] | UnsetType | None = UNSET
    action: Annotated[str, Meta(max_length=32)] | UnsetType | None = UNSET

    def __post_init__(self) -> None:
        if self.action and not self.resource:
            raise ValueError("An action needs a resource")


def reserved_key(event: Mapping[str, Wire]) -> Fault | None:
    """Return the fault of data with a key reserved by Buildless."""
    # A stack instead of recursion, because the client decides how deep its data is.
    waiting = [("event.data", event["event"].get("data"))]
    while waiting:
        path, value = waiting.pop()
        if type(value) is dict:
            for key, below in value.items():
                if RESERVED in key:
                    where = shown(f"{path}.{key}")
                    return Fault(
                        "reserved_key", where, f"{where} has a reserved name: keys may not contain buildless."
                    )
                waiting.append((f"{path}.{key}"[:SHOWN], below))
        elif type(value) is list:
            waiting.extend((f"{path}[{index}]"[:SHOWN], item) for index, item in enumerate(value))
    return None


# RFC 3986: a URI begins with its scheme.
_URI = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:.")
LINK = Check(
    "a URI, for instance https://github.com/acme/shop", lambda text: bool(text) and not _URI.match(text)
)


def type_of_data(columns: Mapping[str, Stored]) -> Iterator[Warned]:
    """Warn of data with a type that isn't a type URL: the documentation of `Any` requires a slash in it."""
    data = columns.get("data")
    url = data.get("@type") if data else None
    if type(url) is str and "/" not in url:
        yield Warned("event.data.@type", "out_of_range", example(url))


class EmittedEvent(BuildlessKind):
    """An event in its series, without output-only fields. Source: buildless.telemetry.Event."""

    # Repeated messages can't be written as query parameters, so there is no context.
    hard_by_encoding = {"query": frozenset({"event.id", "event.timing.occurred"})}
    unsendable_by_encoding = {"query": frozenset({"event.context"})}
    rules = (reserved_key,)
    watches = (type_of_data,)
    expected = {"event.data.@type": "a type URL, for instance type.example.com/shop.Numbers"}

    collection = Text(held=Collection, help_text="Named group of events for reports, 3 to 32 letters.")
    final = Flag("fin", help_text="True for a single event, and for the last event of a series.")
    index = Uint32(help_text="Position of the event in its stream or session.")
    scope = Text(help_text="What the event is part of, such as the ID of a CI build.")
    context = Objects(
        "event.context",
        Need.HARD,
        held=Annotated[list[Context], Meta(min_length=1, max_length=10)],
        help_text="What the event is about: {type, resource, action, event}, one to ten.",
    )
    tenant = Text("event.tenant", help_text="Organization that the event belongs to, as org_…")
    user = Text("event.user", help_text="User account that the event belongs to.")
    timer = Base64(
        "event.timer", longest=32, help_text="ID of a timer that ties events together, up to 32 bytes."
    )
    ordinal = Uint32("event.ordinal", help_text="Position of the event among those of its timer or session.")
    data = Open("event.data", help_text="The client's own data: a protobuf Any, its type in @type.")
    tenant_number = Uint32(
        "event.detail.tenant.oid", Need.PAGE, within=True, help_text="Number of the organization."
    )
    tenant_name = Text(
        "event.detail.tenant.name", Need.PAGE, within=True, help_text="Slug of the organization."
    )
    user_id = Text("event.detail.user.uid", Need.PAGE, within=True, help_text="ID of the user's account.")
    user_email_hash = Base64(
        "event.detail.user.email",
        Need.PAGE,
        within=True,
        shortest=32,
        longest=32,
        help_text="SHA-256 of the user's e-mail address.",
    )
    username = Text("event.detail.user.username", help_text="Name of the user's account.")
    repository_provider = Name(
        "event.detail.repository.provider",
        Need.PAGE,
        within=True,
        names=PROVIDERS,
        help_text="Host of the repository.",
    )
    repository_link = Text(
        "event.detail.repository.link",
        Need.PAGE,
        within=True,
        check=LINK,
        help_text="Address of the repository.",
    )
    repository_name = Text("event.detail.repository.name", help_text="Name of the repository, for display.")
    tools = Objects("event.detail.client.tool", help_text="Tools of the build: {name, version}.")
    os_name = Text(
        "event.detail.client.os.name", Need.PAGE, within=True, help_text="Short name of the operating system."
    )
    os_family = Name(
        "event.detail.client.os.family",
        Need.PAGE,
        within=True,
        names=OS_FAMILIES,
        help_text="Family of the operating system.",
    )
    os_architecture = Name(
        "event.detail.client.os.arch",
        Need.PAGE,
        within=True,
        names=ARCHITECTURES,
        help_text="Processor architecture that the operating system runs on.",
    )
    os_version_major = Uint32(
        "event.detail.client.os.version.major", help_text="1 in version 1.2.3 of the system."
    )
    os_version_minor = Uint32(
        "event.detail.client.os.version.minor", help_text="2 in version 1.2.3 of the system."
    )
    os_version_micro = Uint32(
        "event.detail.client.os.version.micro", help_text="3 in version 1.2.3 of the system."
    )
    os_version_build = Text("event.detail.client.os.version.build", help_text="Build of the system.")
    os_version_rc = Text("event.detail.client.os.version.rc", help_text="Release candidate of the system.")
    os_version_commit = Text("event.detail.client.os.version.commit", help_text="Commit of the system.")
    os_version_tag = Text("event.detail.client.os.version.tag", help_text="Source tag of the system.")
    os_version_spec = Text(
        "event.detail.client.os.version.spec", help_text="Version of the system as one text."
    )
    os_version_release = Uint64(
        "event.detail.client.os.version.release",
        help_text="Release number of the system, which may be a time.",
    )
    # The agent's name is the envelope's source.
    agent_version_major = Uint32(
        "event.detail.client.agent.version.major", help_text="1 in version 1.2.3 of the API client."
    )
    agent_version_minor = Uint32(
        "event.detail.client.agent.version.minor", help_text="2 in version 1.2.3 of the API client."
    )
    agent_version_micro = Uint32(
        "event.detail.client.agent.version.micro", help_text="3 in version 1.2.3 of the API client."
    )
    agent_version_build = Text(
        "event.detail.client.agent.version.build", help_text="Build of the API client."
    )
    agent_version_rc = Text(
        "event.detail.client.agent.version.rc", help_text="Release candidate of the API client."
    )
    agent_version_commit = Text(
        "event.detail.client.agent.version.commit", help_text="Commit of the API client."
    )
    agent_version_tag = Text(
        "event.detail.client.agent.version.tag", help_text="Source tag of the API client."
    )
    agent_version_spec = Text(
        "event.detail.client.agent.version.spec", help_text="Version of the API client as one text."
    )
    agent_version_release = Uint64(
        "event.detail.client.agent.version.release",
        help_text="Release number of the API client, which may be a time.",
    )
    timezone = Text("event.location.timezone", help_text="Time zone in which the event happened.")
    latitude = Number(
        "event.location.point.lat",
        check=between(-90, 90, "degrees from -90 to 90"),
        help_text="Latitude, in degrees north.",
    )
    longitude = Number(
        "event.location.point.lon",
        check=between(-180, 180, "degrees from -180 to 180"),
        help_text="Longitude, in degrees east.",
    )
    locality = Text("event.location.locality", help_text="Town or city.")
    region = Text("event.location.region", help_text="State or province.")
    country = Text("event.location.country", help_text="Country. Looked up if the client doesn't send it.")
    edge = Text("event.location.edge", help_text="CDN region that received the event.")
    account_scope = models.TextField(
        null=True, help_text="Account of the event (event.scope): tenant::… or, of a personal key, user::…"
    )
