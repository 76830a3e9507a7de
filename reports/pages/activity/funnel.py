"""The funnel of the sessions page: steps that the reader selects, and how many sessions reached each."""

from dataclasses import replace

from reports.charts.bar_chart import steps as stepped
from reports.charts.numbers import SHARE
from reports.figures.funnel import (
    MOST,
    OF_SESSION,
    Funnel,
    Reached,
    Suggestion,
    funnel,
    offers,
    step_of,
    steps_of,
    suggested,
)
from reports.filters import Filters
from reports.pages.links import of_kind, of_page
from reports.pages.page import Context
from reports.pages.report import Block, Control, Empty
from reports.pages.words import plural
from reports.periods import DAY, midnight
from reports.query.datasets import SESSIONS

FIELDS = 4  # at least, and one more than there are steps
TITLE = "Funnel"


def block(filters: Filters, context: Context) -> Block:
    """Show the form and, with steps, the funnel."""
    texts = context.params.get("step", ())
    chosen, errors = steps_of(texts)
    offered = offers(filters)
    fields = min(max(FIELDS, len(chosen) + 1), MOST)
    written = [*(step.text for step in chosen), *[""] * fields][:fields]
    controls = tuple(
        Control("step", f"Step {place}", text, hint="page:home" if place == 1 else "event:interact:play")
        for place, text in enumerate(written, 1)
    )
    if not chosen:
        suggestion = suggested(_with_events(filters, context))
        empty = Empty(
            "Choose the steps",
            "page:NAME is a page that was shown, event:KIND an event of a kind, event:KIND:TEXT one with"
            " this name. Sessions that did the steps in this order are counted.",
            href=f"{context.links.here(step=list(suggestion.steps))}#funnel" if suggestion else "",
            label=_offer(suggestion) if suggestion else "",
        )
        sentence = " ".join(errors) or "How many sessions go from one page or event to the next?"
        return Block(
            "funnel",
            TITLE,
            sentence,
            stepped("", [], SESSIONS),
            empty=empty,
            controls=controls,
            offers=offered,
        )
    found = funnel(_with_events(filters, context), chosen)
    sentence = " ".join([_answer(found), *errors])
    steps = [("All sessions", found.sessions, "")]
    steps += [(reached.step.label, reached.sessions, _behind(reached, filters)) for reached in found.steps]
    return Block(
        "funnel",
        TITLE,
        sentence,
        stepped(f"How far sessions came. {sentence}", steps, SESSIONS),
        empty=Empty(
            "No session did any of these steps", "Check that pages and events are written as they are sent."
        ),
        note=_note(found),
        controls=controls,
        offers=offered,
        reads_events=True,
    )


def _with_events(filters: Filters, context: Context) -> Filters:
    """Return the filters for the days of the period that still have events, or for all if none have."""
    since, period = context.kept.events, filters.period
    if since is None or not period.since < since < period.until:
        return filters
    first = since.astimezone(period.zone).date()
    first += DAY * (midnight(first, period.zone) < since)
    return filters.over(replace(period, first=first)) if first < period.end else filters


def _offer(suggestion: Suggestion) -> str:
    """Return the label of the link to the suggested steps."""
    labels = (step_of(text).label.removeprefix("Page ") for text in suggestion.steps)
    return f"Show {' → '.join(labels)}, a path that {plural(suggestion.sessions, 'session')} took"


def _answer(found: Funnel) -> str:
    """Return how many sessions completed all steps, and where most of the others dropped out."""
    if not found.sessions:
        return "There are no sessions."
    first, last = found.steps[0], found.steps[-1]
    if not first.sessions:
        return f"No session did the first step, {first.step.label}."
    said = f"{SHARE.short(last.sessions / found.sessions)} of the sessions came to {last.step.label}."
    lost = [
        (before.sessions - after.sessions, before, after)
        for before, after in zip(found.steps, found.steps[1:], strict=False)
    ]
    if lost and (worst := max(lost, key=lambda each: each[0]))[0]:
        number, before, after = worst
        said += (
            f" Of the {first.sessions:,} that did {first.step.label}, most were lost between"
            f" {before.step.label} and {after.step.label}: {number:,}."
        )
    return said


def _behind(reached: Reached, filters: Filters) -> str:
    """Return the address of the events of a step."""
    step = reached.step
    if step.what == "page":
        return of_page(step.name, filters)
    return of_kind(step.kind, filters.of_people)


def _note(found: Funnel) -> str:
    """Return the note about how many sessions were read."""
    said = "A session counts for a step if it did the step after the previous one."
    if found.is_sample:
        points = 100 / max(found.sessions, 1) ** 0.5  # two standard errors of a share of 50 %
        said += (
            f" {found.sessions:,} of {found.of:,} sessions were sampled, always the same ones:"
            f" shares are accurate to {points:.0f} points."
        )
    return f"{said} Of each session the first {OF_SESSION:,} events of these kinds count."
