"""Enrichment: adds facts to events that their senders didn't state. Pure functions.

The facts of a request (place, agent, clock) become columns once for all its events. Then each event, split
into columns, runs through the steps of its kind, which fill or correct columns. All of this precedes writing,
so each row is written once. `ENRICHMENT` switches parts on and off.
"""

from collections.abc import Callable, Collection, Mapping
from functools import cache
from typing import NamedTuple

from django.conf import settings

from events.enrichment import account, agent, clock, defaults, emails, place, placeholders, reference
from events.enrichment.facts import Facts, kept
from events.kinds import KINDS
from events.lib.settings_cache import cached_from_settings
from events.wire.schema import Taken

ALL = "all"
# Parts that the view runs on the address and headers.
OF_REQUESTS = ("address_hash", "place", "user_agent", "edge", "clock_skew")


class Step(NamedTuple):
    """A step: its name in `ENRICHMENT` ("": always on), its function, and its dialect or kind."""

    name: str
    run: Callable[[Taken, Facts], None]
    of: str


# In order: the account before the actor, the place before its geohash, corrections before placeholders and
# e-mail addresses.
STEPS = (
    Step("account", account.fill, "buildless"),
    Step("", account.identify, "buildless"),
    Step("time_hash", clock.add_time_hash, "buildless"),
    Step("place", place.declare, "buildless"),
    Step("geohash", place.add_geohash, "buildless"),
    Step("user_agent", agent.declare_buildless, "buildless"),
    Step("user_agent", agent.declare_start, "start"),
    Step("reference", reference.correct, "sunbird"),
    Step("level", defaults.add_severity, "availity"),
    Step("", defaults.fill_assess, "assess"),
    Step("", defaults.fill_start, "start"),
    Step("", placeholders.drop, "sunbird"),
    Step("", placeholders.drop, "availity"),
    Step("", placeholders.drop, "buildless"),
    Step("emails", emails.add, "sunbird"),
    Step("emails", emails.add, "availity"),
    Step("emails", emails.add, "buildless"),
)
NAMES = tuple(dict.fromkeys((*OF_REQUESTS, *(step.name for step in STEPS if step.name))))


@cached_from_settings
def is_on(name: str) -> bool:
    """True if `ENRICHMENT` switches a part on."""
    return name in settings.ENRICHMENT or ALL in settings.ENRICHMENT


def facts_of(context: Mapping[str, str]) -> Facts:
    """Return the facts of a request, once for all its events."""
    return with_derived(kept(context), context)


def with_derived(columns: Mapping[str, object], context: Mapping[str, str]) -> Facts:
    """Return facts with derived columns: those of the user agent, and the geohash."""
    found = dict(columns)
    if is_on("user_agent"):
        found |= agent.of_request(context)
    latitude, longitude = found.get("latitude"), found.get("longitude")
    if isinstance(latitude, float) and isinstance(longitude, float) and is_on("geohash"):
        found["geohash"] = place.geohash(latitude, longitude)
    return Facts(found, context, _steps(frozenset(settings.ENRICHMENT)), set())


def enrich(taken: Taken, facts: Facts, kind: str) -> None:
    """Fill in the facts of the request and run the steps of the event's kind, in order."""
    taken.envelope.update(facts.columns)
    for run in facts.steps[kind]:
        run(taken, facts)


@cache
def _steps(enrichment: Collection[str]) -> dict[str, tuple[Callable[[Taken, Facts], None], ...]]:
    """Return the steps of each kind under a setting."""
    return {
        name: tuple(
            step.run
            for step in STEPS
            if step.of in (name, entry.schema.dialect)
            and (not step.name or step.name in enrichment or ALL in enrichment)
        )
        for name, entry in KINDS.items()
    }
