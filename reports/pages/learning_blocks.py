"""The charts and tables of content and learning."""

from datetime import datetime
from functools import partial

from reports.charts import palette
from reports.charts.bar_chart import Bar, BarChart, Histogram
from reports.charts.numbers import SECONDS, SHARE, count, mean
from reports.charts.table import Column, Row, Table
from reports.charts.time_chart import Draw, Series, TimeChart, buckets_of
from reports.figures.comments import Comment
from reports.figures.learning import Content, Learning, Question, Rated, Searched
from reports.filters import Filters
from reports.pages.kind_links import of_kind
from reports.pages.links import event_page, within
from reports.pages.page import Context
from reports.pages.report import Block, Empty
from reports.pages.words import plural

TIMES, ANSWERS, RATINGS, SEARCHES = count("times"), count("answers"), count("ratings"), count("searches")
STARS = mean("mean rating")
ENOUGH = 10  # attempts or starts from which on a share tells something
HARD, LEFT = 0.5, 0.5  # shares passed and finished below which attention is wanted
SOUGHT = 3  # searches in vain that want attention
SHOWN_BARS = 10
NO_CONTENT = "(no content named)"


def over_time(found: Learning, filters: Filters, context: Context) -> Block:
    """Started and finished over time."""
    buckets = buckets_of(filters.period, filters.granularity, context.now, context.links.days)
    hues = palette.of_kinds(["start", "end"])
    series = (
        Series("started", found.started, hues["start"], behind=partial(_behind, "start", filters)),
        Series("finished", found.finished, hues["end"], behind=partial(_behind, "end", filters)),
    )
    sentence = ""
    if (share := found.sums.contents.finished_share) is not None:
        sentence = f"{SHARE.short(share)} of what was started was finished."
    chart = TimeChart(
        f"Contents started and finished over time. {sentence}",
        filters.period,
        buckets,
        series,
        TIMES,
        Draw.LINES,
    )
    empty = Empty("No content was started", "Their START and END name a content as the event's object.")
    return Block("over-time", "Started and finished", sentence, chart, empty=empty)


def _behind(kind: str, filters: Filters, since: datetime, until: datetime) -> str:
    """The events of a kind in a stretch of time."""
    return of_kind(kind, filters, **within(since, until))


def contents(found: Learning, filters: Filters, context: Context) -> Block:
    """What was done with each content."""
    columns = (
        Column("content", "Content"),
        Column("started", "Started", TIMES, has_bar=True),
        Column("finished", "Finished", TIMES),
        Column("finished_share", "Finished share", SHARE),
        Column("mean_seconds", "Time per content", SECONDS, note="The mean of what its ends say"),
        Column("seconds", "Time in all", SECONDS),
    )
    rows = tuple(_content_row(each, filters, context) for each in found.contents)
    longest = max(found.contents, key=lambda each: each.mean_seconds or 0, default=None)
    sentence = ""
    if longest and longest.mean_seconds:
        sentence = f"{longest.id} takes longest: {SECONDS.short(longest.mean_seconds)} on average."
    return Block(
        "contents", "By content", sentence, table=Table(columns, rows), note=_cut(found.contents_of, rows)
    )


def _content_row(each: Content, filters: Filters, context: Context) -> Row:
    few = each.started >= ENOUGH and (each.finished_share or 0) < LEFT
    return Row(
        (each.id, each.started, each.finished, each.finished_share, each.mean_seconds, each.seconds),
        href=context.links.here(content=each.id),
        hrefs={
            "started": of_kind("start", filters, object=each.id),
            "finished": of_kind("end", filters, object=each.id),
        },
        tones={"finished_share": "bad"} if few else {},
    )


def questions(found: Learning, filters: Filters) -> Block:
    """How each question was answered."""
    columns = (
        Column("question", "Question"),
        Column("title", "Title"),
        Column("attempts", "Attempts", ANSWERS, has_bar=True),
        Column("pass_rate", "Pass rate", SHARE),
        Column("mean_score", "Mean score", mean("score")),
        Column("mean_seconds", "Time", SECONDS, note="The mean where a time is expected"),
        Column("expected_seconds", "Expected time", SECONDS),
        Column("time_share", "Time of expected", SHARE, note="100 % is as expected"),
    )  # fmt: skip
    rows = tuple(_question_row(each, filters) for each in found.questions)
    sentence = ""
    if found.questions and (hardest := found.questions[0]).pass_rate is not None:
        sentence = f"Hardest is “{hardest.title or hardest.id}”: {SHARE.short(hardest.pass_rate)} passed."
    empty = Empty("No question was answered", "Answers are V3's ASSESS. Choose a longer period.")
    return Block(
        "questions",
        "By question, the hardest first",
        sentence,
        table=Table(columns, rows),
        empty=empty,
        note=_cut(found.questions_of, rows),
    )


def _question_row(each: Question, filters: Filters) -> Row:
    hard = each.attempts >= ENOUGH and (each.pass_rate or 0) < HARD
    cells = (
        each.id, each.title, each.attempts, each.pass_rate, each.mean_score, each.mean_seconds,
        each.mean_expected, each.time_share,
    )  # fmt: skip
    href = of_kind("assess", filters, item_id=each.id)
    return Row(cells, href=href, hrefs={"attempts": href}, tones={"pass_rate": "bad"} if hard else {})


def ratings(found: Learning, filters: Filters) -> Block:
    """How often each rating was given."""
    hue = palette.of_kinds(["feedback"])["feedback"]
    bars = tuple(
        Bar(f"{rating:g}", times, hue, href=of_kind("feedback", filters, rating=f"{rating:g}"))
        for rating, times in found.ratings
    )
    sums = found.sums.ratings
    sentence = ""
    if sums.mean is not None:
        sentence = f"{plural(sums.ratings, 'rating')}, {sums.mean:.1f} on average."
    chart = Histogram(f"How often each rating was given. {sentence}", bars, RATINGS, "Rating")
    return Block("ratings", "Ratings", sentence, chart, empty=_no_feedback(), is_half=True)


def rated(found: Learning, filters: Filters, context: Context) -> Block:
    """How each content was rated."""
    columns = (
        Column("content", "Content"),
        Column("ratings", "Ratings", RATINGS, has_bar=True),
        Column("mean", "Mean", STARS),
        Column("comments", "Comments", count("comments")),
    )
    rows = tuple(_rated_row(each, filters, context) for each in found.rated)
    return Block(
        "rated", "Ratings by content", table=Table(columns, rows), empty=_no_feedback(), is_half=True
    )


def _rated_row(each: Rated, filters: Filters, context: Context) -> Row:
    return Row(
        (each.id or NO_CONTENT, each.ratings, _rounded(each.mean), each.comments),
        href=context.links.here(content=each.id) if each.id else "",
        hrefs={"ratings": of_kind("feedback", filters, object=each.id)},
    )


def comments(found: tuple[Comment, ...], filters: Filters) -> Block:
    """What was written last."""
    zone = filters.period.zone
    columns = (
        Column("time", f"Time ({zone.key})"),
        Column("comment", "Comment"),
        Column("content", "Content"),
        Column("rating", "Rating", mean("rating")),
    )
    rows = tuple(
        Row((each.at.astimezone(zone), each.text, each.content, each.rating), href=event_page(each.event_id))
        for each in found
    )
    return Block(
        "comments", "Newest comments", table=Table(columns, rows), empty=_no_feedback(), reads_events=True
    )


def queries(found: Learning, filters: Filters) -> Block:
    """What was searched for."""
    columns = (
        Column("query", "Searched for"),
        Column("searches", "Searches", SEARCHES, has_bar=True),
        Column("mean_results", "Found", mean("results"), note="Results, on average"),
        Column("without_results", "In vain", SEARCHES, note="Searches that found nothing"),
    )
    rows = tuple(_query_row(each, filters) for each in found.queries)
    return Block(
        "searches",
        "Top searches",
        table=Table(columns, rows),
        empty=_no_search(),
        is_half=True,
        note=_cut(found.queries_of, rows),
    )


def _query_row(each: Searched, filters: Filters) -> Row:
    return Row(
        (each.query, each.searches, _rounded(each.mean_results), each.without_results),
        href=of_kind("search", filters, query=each.query),
        hrefs={"without_results": of_kind("search", filters, query=each.query, size=0)},
        tones={"without_results": "bad"} if each.without_results >= SOUGHT else {},
    )


def unanswered(found: Learning, filters: Filters) -> Block:
    """What was searched for in vain."""
    hue = palette.of_kinds(["search"])["search"]
    bars = tuple(
        Bar(
            each.query, each.without_results, hue, href=of_kind("search", filters, query=each.query, size=0)
        )
        for each in found.unanswered[:SHOWN_BARS]
    )  # fmt: skip
    sums = found.sums.searches
    sentence = f"{sums.without_results:,} of {plural(sums.searches, 'search').replace('searchs', 'searches')}"
    chart = BarChart(f"What was searched for in vain: {sentence}.", bars, SEARCHES, "Searched for")
    empty = Empty("No search was in vain", "Every search of the period found something.")
    return Block(
        "unanswered",
        "Searches without a result",
        f"{sentence} found nothing.",
        chart,
        empty=empty,
        is_half=True,
    )


def _no_feedback() -> Empty:
    return Empty("No ratings", "Ratings and comments are V3's FEEDBACK. Choose a longer period.")


def _no_search() -> Empty:
    return Empty("No searches", "Searches are V3's SEARCH. Choose a longer period.")


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 2)


def _cut(of: int, rows: tuple[Row, ...]) -> str:
    return f"The first {len(rows):,} of {of:,}." if of > len(rows) else ""
