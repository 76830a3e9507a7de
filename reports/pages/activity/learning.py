"""Content and learning: what was started and finished, which questions are hard, what is said and sought."""

from collections.abc import Mapping
from dataclasses import replace
from functools import partial
from typing import NamedTuple

from reports.charts import palette
from reports.charts.bar_chart import Bar, BarChart, Histogram
from reports.charts.numbers import SECONDS, SHARE, mean
from reports.charts.table import Column, Table
from reports.charts.table import Row as TableRow
from reports.charts.time_chart import Draw, Series
from reports.figures.single_events import Comment, comments
from reports.filters import Filters
from reports.pages import bots
from reports.pages.links import event_page, of_kind
from reports.pages.page import ALL_FILTERS, Context, Page
from reports.pages.report import Attention, Block, Control, Empty, Figure, Report
from reports.pages.sections import Alarm, Breakdown, Headlines, PageData, time_chart
from reports.pages.words import of_period, plural, than
from reports.query.datasets import (
    CONTENTS,
    QUESTIONS,
    RATINGS,
    RATINGS_GIVEN,
    SEARCHES,
    SEARCHES_MADE,
    TIMES,
)
from reports.query.planner import answer
from reports.query.query import Answer, Row

SHOWN_BARS = 10
ENOUGH = 10  # starts or answers from which on a share says something
LEFT = Alarm("finished_share", below=0.5, of="started", enough=ENOUGH)
HARD = Alarm("pass_rate", below=0.5, of="attempts", enough=ENOUGH)
SOUGHT = Alarm("without_results", above=2)
NO_FEEDBACK = Empty("No ratings", "Ratings and comments are V3's FEEDBACK. Choose a longer period.")


class _List(NamedTuple):
    """The list of a kind, its names of the dimensions, and what is always asked of it."""

    kind: str
    names: Mapping[str, str]
    always: Mapping[str, str | int] = {}


_CONTENT, _DAYS = {"content": "object"}, {"since": "since", "until": "until"}
_EMPTY = _List("search", {"query": "query"}, {"size": 0})
LISTS = {
    "started": _List("start", _CONTENT),
    "finished": _List("end", _CONTENT),
    "finished_share": _List("end", _CONTENT),
    "attempts": _List("assess", {"item": "item_id"}),
    "pass_rate": _List("assess", {"item": "item_id"}),
    "ratings": _List("feedback", {**_CONTENT, "rating": "rating"}),
    "searches": _List("search", {"query": "query"}),
    "without_results": _EMPTY,
    "empty_share": _EMPTY,
}


def _list_of(metric: str, filters: Filters, keys: Mapping[str, str]) -> str:
    kind, names, always = LISTS[metric]
    known = {**names, **_DAYS}
    return of_kind(kind, filters, **{known[name]: keys[name] for name in keys if name in known}, **always)


def _longest(_: PageData, found: Answer) -> str:
    longest = max(found.rows, key=lambda row: row.number("mean_seconds") or 0, default=None)
    if not longest or not (seconds := longest.number("mean_seconds")):
        return ""
    return f"{longest.keys[0]} takes longest: {SECONDS.short(seconds)} on average."


def _hardest(_: PageData, found: Answer) -> str:
    if not found.rows or (rate := found.rows[0].number("pass_rate")) is None:
        return ""
    return f"The hardest is “{_title(found.rows[0])}”: {SHARE.short(rate)} passed."


def _title(question: Row) -> str:
    return str(question.values["title"] or question.keys[0])


BY_CONTENT = Breakdown(
    name="contents",
    title="By content",
    by=("content",),
    metrics=("started", "finished", "finished_share", "mean_seconds", "seconds"),
    alarm=LEFT,
    links=("started", "finished"),
    sentence=_longest,
)
BY_QUESTION = Breakdown(
    name="questions",
    title="By question, hardest first",
    by=("item",),
    names={"item": "question"},
    metrics=(
        *("title", "attempts", "pass_rate", "mean_score"),
        *("mean_seconds", "expected_seconds", "time_share"),
    ),
    order="pass_rate",
    bar="attempts",
    alarm=HARD,
    links=("attempts",),
    href=lambda data, row: data.behind("attempts", {"item": row.keys[0]}),
    sentence=_hardest,
    empty=Empty("No question was answered", "Answers are V3's ASSESS. Choose a longer period."),
)
RATED = Breakdown(
    name="rated",
    title="Ratings by content",
    by=("content",),
    metrics=("ratings", "mean", "comments"),
    links=("ratings",),
    unnamed="(no content)",
    empty=NO_FEEDBACK,
    is_half=True,
)
BY_QUERY = Breakdown(
    name="searches",
    title="Top searches",
    by=("query",),
    metrics=("searches", "mean_results", "without_results"),
    alarm=SOUGHT,
    links=("without_results",),
    href=lambda data, row: data.behind("searches", {"query": row.keys[0]}),
    unnamed="",
    empty=Empty("No searches", "Searches are V3's SEARCH. Choose a longer period."),
    is_half=True,
)


class _Found(NamedTuple):
    """All results of the page, without searches if it shows one content."""

    contents: Headlines
    questions: Headlines
    ratings: Row
    searches: Headlines | None
    by_content: Answer
    by_question: Answer
    unanswered: tuple[Row, ...]

    @property
    def is_empty(self) -> bool:
        """True if there was no learning activity."""
        counted = [
            (self.contents.total, ("started", "finished")),
            (self.questions.total, ("attempts",)),
            (self.ratings, ("ratings", "comments")),
        ]
        if self.searches:
            counted.append((self.searches.total, ("searches",)))
        return not any(row.count(name) for row, names in counted for name in names)


def build(filters: Filters, context: Context) -> Report:
    """Build the report."""
    filters = filters.of_people
    content = context.first("content")
    contents = PageData(CONTENTS, filters, context, _list_of, {"content": content} if content else {})
    questions, ratings, searches = (
        replace(contents, dataset=each) for each in (QUESTIONS, RATINGS, SEARCHES)
    )
    unanswered = () if content else _unanswered(searches)
    found = _Found(
        contents=Headlines.of(contents, ("started", "finished", "finished_share")),
        questions=Headlines.of(questions, ("attempts", "pass_rate")),
        ratings=answer(ratings.query(("ratings", "comments", "mean"), compared=False)).total,
        searches=None if content else Headlines.of(searches, ("searches", "without_results", "empty_share")),
        by_content=BY_CONTENT.answer(contents),
        by_question=BY_QUESTION.answer(questions),
        unanswered=unanswered,
    )
    blocks = [
        _over_time(found.contents),
        BY_CONTENT.block(contents, found.by_content),
        BY_QUESTION.block(questions, found.by_question),
        _ratings(ratings, found.ratings),
        RATED.block(ratings, RATED.answer(ratings)),
        _comments(comments(filters, content), filters),
    ]
    if found.searches:
        blocks += [
            BY_QUERY.block(searches, BY_QUERY.answer(searches)),
            _without_results(found.searches, unanswered),
        ]
    return Report(
        answer=_answer(found, content),
        figures=tuple(_figures(found)),
        attention=tuple(_attention(found)),
        blocks=tuple(blocks),
        controls=(Control("content", "Content", content, hint="ID of a content"),),
        note="Events count when they occurred. Time per content comes from its END events, so it doesn't"
            " include content that is still open.",
        empty=Empty(text="Contents, answers, ratings and searches appear here: V3's START, END, ASSESS, "
                    "FEEDBACK and SEARCH. Choose a longer period, or remove a filter.")
        if found.is_empty
        else None,
    )  # fmt: skip


def _unanswered(data: PageData) -> tuple[Row, ...]:
    """Return the searches that found nothing, the most frequent first."""
    query = data.query(("searches", "without_results"), ("query",), "-without_results", compared=False)
    return tuple(row for row in answer(query).rows if row.count("without_results"))


def _answer(found: _Found, content: str) -> str:
    contents, answers = found.contents.total, found.questions.total
    context = found.contents.data.context
    when = of_period(found.contents.data.filters.period, context.now)
    if found.is_empty:
        return f"Nothing was learned {when}."
    started = contents.count("started")
    said = (
        f"{content or 'Contents'} {'was' if content else 'were'} started {plural(started, 'time')}"
        f" and finished {plural(contents.count('finished'), 'time')} {when}"
    )
    said += than(started, contents.earlier("started"), context.compared, none="not once", same="as often")
    if (rate := answers.number("pass_rate")) is not None:
        said += f"; {SHARE.short(rate)} of {plural(answers.count('attempts'), 'answer')} passed"
    return f"{said}."


def _figures(found: _Found) -> list[Figure]:
    contents, questions, searches = found.contents, found.questions, found.searches
    figures = [
        contents.figure("Contents started", "started", more_is="good"),
        contents.figure(
            "Finished",
            "finished_share",
            more_is="good",
            note=plural(contents.total.count("finished"), "time"),
        ),
        questions.figure(
            "Answers passed",
            "pass_rate",
            more_is="good",
            note=f"of {plural(questions.total.count('attempts'), 'answer')}",
        ),
    ]
    if searches:
        empty, all_of = searches.total.count("without_results"), searches.total.count("searches")
        figures.append(
            searches.figure(
                "Searches without a result", "empty_share", more_is="bad", note=f"{empty:,} of {all_of:,}"
            )
        )
    return figures


def _attention(found: _Found) -> list[Attention]:
    """Return the hardest questions, contents that most people don't finish, and searches without results."""
    hard = [row for row in found.by_question.rows if HARD.rings(row)]
    left = [row for row in found.by_content.rows if LEFT.rings(row)]
    left.sort(key=lambda row: row.number("finished_share") or 0)
    sought = [row for row in found.unanswered if SOUGHT.rings(row)]
    here = found.contents.data.context.links.here
    return [
        *(
            Attention(
                f"Only {SHARE.short(row.number('pass_rate') or 0)} of"
                f" {plural(row.count('attempts'), 'answer')} to “{_title(row)}” passed.",
                found.questions.data.behind("attempts", {"item": row.keys[0]}),
                "See the answers",
            )
            for row in hard[:2]
        ),
        *(
            Attention(
                f"{row.keys[0]} was started {plural(row.count('started'), 'time')}, but finished only"
                f" {plural(row.count('finished'), 'time')}.",
                here(content=row.keys[0]),
                "Narrow to it",
            )
            for row in left[:2]
        ),
        *(
            Attention(
                f"“{row.keys[0]}” was searched for {plural(row.count('without_results'), 'time')} and nothing"
                " was found.",
                replace(found.contents.data, dataset=SEARCHES).behind("searches", {"query": row.keys[0]}),
                "See the searches",
            )
            for row in sought[:2]
        ),
    ]


def _over_time(contents: Headlines) -> Block:
    data, names = contents.data, {"started": "start", "finished": "end"}
    hues = palette.of_kinds(list(names.values()))
    series = tuple(
        Series(name, contents.in_time.values[name], hues[kind], behind=partial(data.behind_bucket, name, {}))
        for name, kind in names.items()
    )
    share = contents.total.number("finished_share")
    sentence = "" if share is None else f"{SHARE.short(share)} of what was started was finished."
    chart = time_chart(
        f"Contents started and finished over time. {sentence}", data, series, TIMES, Draw.LINES
    )
    empty = Empty("No content was started", "START and END events name a content as the event's object.")
    return Block("over-time", "Started and finished", sentence, chart, empty=empty)


def _ratings(data: PageData, total: Row) -> Block:
    """Show how often each rating was given."""
    hue = palette.of_kinds(["feedback"])["feedback"]
    rows = answer(data.query(("ratings",), ("rating",), compared=False)).rows
    given = sorted((float(row.keys[0]), row.count("ratings")) for row in rows if row.keys[0])
    bars = tuple(
        Bar(f"{rating:g}", times, hue, href=of_kind("feedback", data.filters, rating=f"{rating:g}"))
        for rating, times in given
    )
    average = total.number("mean")
    sentence = ""
    if average is not None:
        sentence = f"{plural(total.count('ratings'), 'rating')}, {average:.1f} on average."
    chart = Histogram(f"How often each rating was given. {sentence}", bars, RATINGS_GIVEN, "Rating")
    return Block("ratings", "Ratings", sentence, chart, empty=NO_FEEDBACK, is_half=True)


def _comments(found: tuple[Comment, ...], filters: Filters) -> Block:
    zone = filters.period.zone
    columns = (
        Column("time", f"Time ({zone.key})"),
        Column("comment", "Comment"),
        Column("content", "Content"),
        Column("rating", "Rating", mean("rating")),
    )
    rows = tuple(
        TableRow(
            (each.at.astimezone(zone), each.text, each.content, each.rating), href=event_page(each.event_id)
        )
        for each in found
    )
    return Block(
        "comments", "Newest comments", table=Table(columns, rows), empty=NO_FEEDBACK, reads_events=True
    )


def _without_results(searches: Headlines, unanswered: tuple[Row, ...]) -> Block:
    """Show searches without results."""
    hue = palette.of_kinds(["search"])["search"]
    bars = tuple(
        Bar(
            row.keys[0],
            row.count("without_results"),
            hue,
            href=searches.data.behind("without_results", {"query": row.keys[0]}),
        )
        for row in unanswered[:SHOWN_BARS]
    )
    empty, all_of = searches.total.count("without_results"), searches.total.count("searches")
    sentence = f"{empty:,} of {plural(all_of, 'search')}"
    return Block(
        "unanswered",
        "Searches without a result",
        f"{sentence} found nothing.",
        BarChart(f"Searches that found nothing: {sentence}.", bars, SEARCHES_MADE, "Searched for"),
        empty=Empty("Every search found something", "No search of the period was without a result."),
        is_half=True,
    )


PAGE = Page(
    "learning",
    "Content and learning",
    "school",
    build,
    filters=tuple(name for name in ALL_FILTERS if name != "kind"),
    own=("content",),
    of_bots=bots.of_learning,
)
