"""Notices: what needs attention, by the rules of the report pages, each with the page that shows it."""

from collections.abc import Sequence

from django.urls import reverse

from reports.digests.composed import Notice
from reports.digests.facts import Facts, params
from reports.digests.words import compared, counted, name, source
from reports.figures.errors import Group
from reports.pages.error_parts import key_of, named
from reports.pages.errors import wanting
from reports.pages.links import address, changed, rejected_groups
from reports.pages.overview import has_more_errors, has_much_rejected
from reports.pages.words import during

OF_A_SORT = 3  # sentences at the most


def notices(facts: Facts) -> tuple[Notice, ...]:
    """Worst first: what fails anew, what is silent, what fails more, what is refused."""
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
    key = key_of(group).encode("utf-8", "replace").decode()  # no address holds a lone surrogate
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
    """Budgets that are used up, or are expected to be."""
    found = []
    for each in facts.spending.standings if facts.spending else ():
        used = facts.written.percent(float(each.used) * 100)
        page = address("cost", {"owner": [str(each.owner_id)]})
        team = name(facts.names[each.owner_id])
        if each.used >= 1:
            found.append(Notice(f"{team} has used {used} of its budget of the month.", page))
        elif each.will_exceed:
            found.append(Notice(f"{team} is expected to exceed its budget; {used} are used.", page))
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
