"""The sentences of a digest: its summary, notices, and texts of pictures."""

from collections.abc import Sequence
from datetime import datetime

from django.urls import reverse

from events.lib.formatting import shorten
from reports.digests.digest import Notice
from reports.digests.facts import Facts, params
from reports.figures.errors import Group
from reports.mail.text import isolated, one_line
from reports.pages.activity.overview import has_more_errors, has_much_rejected
from reports.pages.health.error_sections import key_of, named
from reports.pages.health.errors import wanting
from reports.pages.links import address, changed, rejected_groups
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
    """Return a name for use in a sentence."""
    return isolated(one_line(shorten(text, LONGEST_NAME))) or NAMELESS


def source(facts: Facts, key: int | str) -> str:
    """Return the name of a source."""
    return facts.sources.get(int(key), f"source {key}")


def period(facts: Facts) -> str:
    """Return the days, the time zone, and the period compared with."""
    days = facts.written.days(facts.period.first, facts.period.last)
    return f"{days} ({facts.period.zone.key}), compared with {facts.before}"


def summary(facts: Facts) -> str:
    """Return the digest in one sentence."""
    written, sums, before = facts.written, facts.overview.sums, facts.overview.before
    who = " and ".join(map(name, facts.owners)) if len(facts.owners) <= 2 else f"{len(facts.owners)} owners"
    if not sums.events:
        if not sums.received:
            return f"{who}: nothing was received."
        received, rejected = written.number(sums.received), written.number(sums.rejected or 0)
        return f"{who}: no events from that time; {received} received, {rejected} rejected."
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
    """Return how a number differs from the previous one, as part of a sentence."""
    if not before:
        return f"none {during(facts.before)}"
    change = facts.written.change(now, before)
    if change == "as before":
        return f"as many as {facts.before}"
    return f"{change} {'than' if change.endswith(('more', 'less')) else 'as'} {facts.before}"


def counted(facts: Facts, number: int, word: str) -> str:
    """Return a number with its noun: 1 event, 2 events."""
    return f"{facts.written.number(number)} {word}{'' if number == 1 else 's'}"


def picture(facts: Facts, title: str, counts: Sequence[int | None]) -> str:
    """Return what a bar chart shows, as its alternative text."""
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


OF_A_SORT = 3  # sentences at most


def notices(facts: Facts) -> tuple[Notice, ...]:
    """Return notices, worst first: new errors, silent sources, budgets, more errors, rejections."""
    new, grown = wanting(facts.errors, facts.period)
    return (*_new(facts, new), *_silent(facts), *_over(facts), *_grown(facts, grown), *_shares(facts))


def _new(facts: Facts, groups: Sequence[Group]) -> list[Notice]:
    found = [
        _of_group(
            facts,
            group,
            f"is new: {counted(facts, group.errors, 'error')}"
            + (f" in {counted(facts, group.sessions, 'session')}" if group.sessions else ""),
        )
        for group in groups[:OF_A_SORT]
    ]
    if len(groups) > OF_A_SORT:
        more = counted(facts, len(groups) - OF_A_SORT, "more new error")
        found.append(Notice(f"{more}.", address("errors", params(facts.filters))))
    return found


def _grown(facts: Facts, groups: Sequence[Group]) -> list[Notice]:
    return [
        _of_group(
            facts,
            group,
            f"grew: {counted(facts, group.errors, 'error')},"
            f" {compared(facts, group.errors, group.before or 0)}",
        )
        for group in groups[:OF_A_SORT]
    ]


def _of_group(facts: Facts, group: Group, said: str) -> Notice:
    key = key_of(group).encode("utf-8", "replace").decode()  # URLs can't hold lone surrogates
    page = address("errors", changed(params(facts.filters), {"error": key}))
    return Notice(f"{name(named(group))} {said}.", page)


def _silent(facts: Facts) -> list[Notice]:
    silent = facts.overview.silent
    found = [
        Notice(
            f"{name(source(facts, each.source_id))} has been silent for {each.since}, after"
            f" {counted(facts, each.received, 'event')} in two weeks.",
            reverse("admin:events_source_change", args=[each.source_id]),
        )
        for each in silent[:OF_A_SORT]
    ]
    if len(silent) > OF_A_SORT:
        more = counted(facts, len(silent) - OF_A_SORT, "more source")
        verb = "is" if len(silent) == OF_A_SORT + 1 else "are"
        found.append(Notice(f"{more} {verb} silent.", address("services", params(facts.filters))))
    return found


def _over(facts: Facts) -> list[Notice]:
    """Return notices of budgets that are used up or expected to be."""
    found = []
    for each in facts.spending.standings if facts.spending else ():
        used = facts.written.percent(float(each.used) * 100)
        page = address("cost", {"owner": [str(each.owner_id)]})
        team = name(facts.names[each.owner_id])
        if each.used >= 1:
            found.append(Notice(f"{team} has used {used} of its budget for the month.", page))
        elif each.will_exceed:
            found.append(Notice(f"{team} is expected to exceed its budget; {used} is used.", page))
    return found[:OF_A_SORT]


def _shares(facts: Facts) -> list[Notice]:
    written, sums, before = facts.written, facts.overview.sums, facts.overview.before
    found = []
    if before and has_more_errors(sums, before):
        now, then = (written.percent((each.error_share or 0) * 100, 1) for each in (sums, before))
        sentence = f"{now} of sessions had errors, {then} {during(facts.before)}."
        found.append(Notice(sentence, address("sessions", params(facts.filters))))
    if has_much_rejected(sums):
        rejected, verb = counted(facts, sums.rejected or 0, "event"), "was" if sums.rejected == 1 else "were"
        share = written.percent((sums.rejected_share or 0) * 100, 1)
        sentence = f"{rejected} {verb} rejected, {share} of what came in."
        found.append(Notice(sentence, rejected_groups(facts.filters)))
    return found
