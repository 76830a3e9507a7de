"""Words: a digest's sentences. The answer, what the picture shows, and what others are made of."""

from collections.abc import Sequence
from datetime import datetime

from events.lib.formatting import shorten
from reports.digests.facts import Facts
from reports.mail.text import isolated, line
from reports.pages.words import during, in_utc_hours
from reports.periods import Granularity

LONGEST_NAME = 40  # characters, in a sentence
NAMELESS = "(no name)"
NOTE = (
    "Events count when they occurred, sessions when they began; rejected events and cost in the hour of"
    " receipt. Median time is of sessions, from their first event to their last."
)


def note(facts: Facts) -> str:
    """Say how figures are counted, and how many sessions of bots are left out."""
    said = f"{NOTE} {in_utc_hours(facts.period, 'Rejected events and cost are')}".rstrip()
    if not facts.bots:
        return said
    verb = "is" if facts.bots == 1 else "are"
    return f"{said} {counted(facts, facts.bots, 'session')} of bots {verb} not counted."


def name(text: str) -> str:
    """A name inside a sentence."""
    return isolated(line(shorten(text, LONGEST_NAME))) or NAMELESS


def source(facts: Facts, key: int | str) -> str:
    """A source, for people."""
    return facts.sources.get(int(key), f"source {key}")


def period(facts: Facts) -> str:
    """The days, the zone, and what they are compared with."""
    days = facts.written.days(facts.period.first, facts.period.last)
    return f"{days} ({facts.period.zone.key}), compared with {facts.before}"


def answer(facts: Facts) -> str:
    """The digest in a sentence."""
    written, sums, before = facts.written, facts.overview.sums, facts.overview.before
    who = " and ".join(map(name, facts.owners)) if len(facts.owners) <= 2 else f"{len(facts.owners)} owners"
    if not sums.events:
        if not sums.received:
            return f"{who}: nothing came in."
        received, rejected = written.number(sums.received), written.number(sums.rejected or 0)
        return f"{who}: no events of that time; {received} came in, {rejected} rejected."
    said = f"{who}: {counted(facts, sums.events, 'event')}"
    if before:
        said += f", {compared(facts, sums.events, before.events)}"
    if facts.overview.sources:
        most = facts.overview.sources[0]
        share = written.percent(most.count * 100 / sums.events)
        part = f"{share} of them" if facts.overview.sources_in_all > 1 else "all of them"
        said += f"; {name(source(facts, most.key))} sent {part}"
    return f"{said}."


def compared(facts: Facts, now: int, before: int) -> str:
    """How a number differs from the one before, as a part of a sentence."""
    if not before:
        return f"none {during(facts.before)}"
    change = facts.written.change(now, before)
    if change == "as before":
        return f"as many as {facts.before}"
    return f"{change} {'than' if change.endswith(('more', 'less')) else 'as'} {facts.before}"


def counted(facts: Facts, number: int, word: str) -> str:
    """1 event, 2 events."""
    return f"{facts.written.number(number)} {word}{'' if number == 1 else 's'}"


def picture(facts: Facts, title: str, counts: Sequence[int | None]) -> str:
    """What the bars show."""
    written, zone = facts.written, facts.period.zone
    by_hour = facts.filters.granularity == Granularity.HOUR
    starts = facts.period.buckets(facts.filters.granularity)
    known = [
        (at.astimezone(zone), count) for at, count in zip(starts, counts, strict=True) if count is not None
    ]
    (at, most), (low_at, least) = (pick(known, key=lambda each: each[1]) for pick in (max, min))
    quiet = sum(not count for _, count in known)

    def when(moment: datetime) -> str:
        return (
            f"in the hour from {moment:%H:%M}" if by_hour else f"on {moment:%a} {written.day(moment.date())}"
        )

    said = f"{title}: most {when(at)}, {written.number(most)}"
    if quiet:
        return f"{said}; {quiet} of {len(known)} {'hours' if by_hour else 'days'} had none."
    return f"{said}; fewest {when(low_at)}, {written.number(least)}."
