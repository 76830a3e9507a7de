"""Content and learning: every figure equals a plain count of the events."""

from collections import Counter, defaultdict
from typing import Any

import pytest

from events.event import Event
from reports.charts.numbers import SHARE
from reports.figures.single_events import comments
from reports.filters import Filters
from reports.pages.activity import learning as page
from reports.pages.activity.learning import BY_CONTENT, BY_QUERY, BY_QUESTION, HARD, RATED
from reports.pages.links import Links
from reports.pages.page import Context
from reports.pages.sections import Breakdown
from reports.query.datasets import CONTENTS, QUESTIONS, RATINGS, SEARCHES
from reports.query.metrics import Dataset
from reports.query.planner import answer, over_time
from reports.query.query import Answer, Query, Row
from tests.reports import lifelike
from tests.reports.lifelike import (
    NOW,
    Pair,
    by_bucket,
    each_filter,
    just_before,
    of_module,
    of_people,
    question,
)

pytestmark = pytest.mark.django_db
stored = of_module()


def events_matching(kind: str, filters: Filters) -> list[Pair]:
    """Return people's events of a kind that match filters."""
    return of_people(lifelike.events_matching(kind, filters))


def content_of(event: Event, row: Any) -> str:
    return str((row.content_id if event.object_id is None else event.object_id) or "")


def named(pairs: list[Pair]) -> dict[str, list[Pair]]:
    """Group events by content."""
    found = defaultdict(list)
    for event, row in pairs:
        found[content_of(event, row)].append((event, row))
    return found


def of_contents(kind: str, filters: Filters) -> list[Pair]:
    return [pair for pair in events_matching(kind, filters) if content_of(*pair)]


def rows_of(dataset: Dataset, section: Breakdown, filters: Filters, **where: str) -> Answer:
    """Return the answer that a table of the page shows."""
    return answer(Query(dataset, section.metrics, filters.of_people, section.by, where, section.order))


def total(dataset: Dataset, filters: Filters, *metrics: str, **where: str) -> Row:
    return answer(Query(dataset, metrics, filters.of_people, where=where)).total


def without_results(filters: Filters) -> list[Row]:
    metrics, order = ("searches", "without_results"), "-without_results"
    found = answer(Query(SEARCHES, metrics, filters.of_people, ("query",), order=order))
    return [each for each in found.rows if each.count("without_results")]


@each_filter
def test_starts_ends_and_time_are_counted_by_content(asked: str) -> None:
    filters = question(asked)
    starts, ends = of_contents("start", filters), of_contents("end", filters)

    found = rows_of(CONTENTS, BY_CONTENT, filters)
    sums = total(CONTENTS, filters, "started", "finished", "mean_seconds")
    (line,) = over_time(Query(CONTENTS, ("started", "finished"), filters.of_people), NOW)

    assert (sums.count("started"), sums.count("finished")) == (len(starts), len(ends))
    assert line.values == {"started": by_bucket(starts, filters), "finished": by_bucket(ends, filters)}
    expected: dict[str, Any] = {
        name: (
            len(named(starts).get(name, [])),
            len(named(ends).get(name, [])),
            pytest.approx(sum(row.duration or 0 for _, row in named(ends).get(name, []))),
        )
        for name in {*named(starts), *named(ends)}
    }
    assert {
        row.keys[0]: (row.count("started"), row.count("finished"), row.number("seconds"))
        for row in found.rows
    } == expected
    assert found.of == len(expected)
    timed = [row.duration for _, row in ends if row.duration is not None]
    mean = pytest.approx(sum(timed) / len(timed)) if timed else None
    assert sums.number("mean_seconds") == mean


@each_filter
def test_questions_have_attempts_score_pass_rate_and_time(asked: str) -> None:
    filters = question(asked)
    answers = defaultdict(list)
    for _, row in events_matching("assess", filters):
        answers[row.item_id].append(row)

    found = rows_of(QUESTIONS, BY_QUESTION, filters)

    assert {each.keys[0] for each in found.rows} == set(answers)
    assert found.of == len(answers)
    rates = [each.number("pass_rate") or 0 for each in found.rows]
    assert rates == sorted(rates), "hardest first"
    for each in found.rows:
        rows = answers[each.keys[0]]
        timed = [row for row in rows if row.item_expected_seconds is not None and row.duration is not None]
        taken, due = (
            sum(getattr(row, name) for row in timed) for name in ("duration", "item_expected_seconds")
        )
        assert each.values["title"] == max(row.item_title for row in rows)
        assert each.count("attempts") == len(rows)
        assert each.number("pass_rate") == sum(row.passed.lower() == "yes" for row in rows) / len(rows)
        assert each.number("mean_score") == pytest.approx(sum(row.score for row in rows) / len(rows))
        assert each.number("mean_seconds") == (pytest.approx(taken / len(timed)) if timed else None)
        assert each.number("expected_seconds") == (pytest.approx(due / len(timed)) if timed else None)
        assert each.number("time_share") == (pytest.approx(taken / due) if timed else None)


@each_filter
def test_ratings_and_comments_are_counted(asked: str) -> None:
    filters = question(asked)
    feedback = events_matching("feedback", filters)
    said = [row for _, row in feedback if row.comments or row.comment_text or row.commentid]

    rated = rows_of(RATINGS, RATED, filters)
    given = answer(Query(RATINGS, ("ratings",), filters.of_people, ("rating",)))

    assert {float(row.keys[0]): row.count("ratings") for row in given.rows if row.keys[0]} == Counter(
        row.rating for _, row in feedback if row.rating is not None
    )
    assert {
        each.keys[0]: (each.count("ratings"), each.number("mean"), each.count("comments"))
        for each in rated.rows
    } == {
        name: (len(ratings), pytest.approx(sum(ratings) / len(ratings)) if ratings else None, written)
        for name, pairs in named(feedback).items()
        for ratings, written in [
            (
                [row.rating for _, row in pairs if row.rating is not None],
                sum(1 for _, row in pairs if row in said),
            )
        ]
    }
    newest = sorted(said, key=lambda row: row.pk, reverse=True)[:20]
    assert [(each.event_id, each.text) for each in comments(filters.of_people)] == [
        (str(row.pk), row.comments) for row in newest
    ]


@each_filter
def test_searches_are_ranked_with_and_without_results(asked: str) -> None:
    filters = question(asked)
    rows = [row for _, row in events_matching("search", filters)]
    searches, empty = Counter(row.query for row in rows), Counter(row.query for row in rows if row.size == 0)

    found = rows_of(SEARCHES, BY_QUERY, filters)
    sums = total(SEARCHES, filters, "searches", "without_results")

    assert {each.keys[0]: (each.count("searches"), each.count("without_results")) for each in found.rows} == {
        query: (times, empty[query]) for query, times in searches.items()
    }
    assert [each.count("searches") for each in found.rows] == sorted(searches.values(), reverse=True)
    query = Query(
        SEARCHES, ("searches", "without_results"), filters.of_people, ("query",), order="-without_results"
    )
    unanswered = [each for each in answer(query).rows if each.count("without_results")]
    assert {each.keys[0]: each.count("without_results") for each in unanswered} == dict(empty)
    assert (sums.count("searches"), sums.count("without_results")) == (len(rows), empty.total())


def test_the_page_can_be_filtered_by_content() -> None:
    filters = question("everything")
    content = rows_of(RATINGS, RATED, filters).rows[0].keys[0]
    whole = rows_of(CONTENTS, BY_CONTENT, filters)

    found = rows_of(CONTENTS, BY_CONTENT, filters, content=content)

    assert [each.keys[0] for each in found.rows] == [content]
    sums = total(CONTENTS, filters, *BY_CONTENT.metrics, content=content)
    mine = next(each for each in whole.rows if each.keys[0] == content)
    assert {name: sums.values[name] for name in BY_CONTENT.metrics} == {
        name: mine.values[name] for name in BY_CONTENT.metrics
    }
    written = comments(filters.of_people, content)
    assert {each.content for each in written} == {content}
    report = built(content=(content,))
    assert not any(report.block(name) for name in ("searches", "unanswered")), "searches have no content"
    assert len(report.figures) == 3


def test_figures_are_compared_with_the_period_before() -> None:
    filters = question("some days")
    before = just_before(filters.period)

    found = total(CONTENTS, question("some days", compare=before), "started", "finished", "finished_share")

    assert found.before == total(CONTENTS, filters.over(before), *found.values).values != found.values


def built(**params: tuple[str, ...]) -> Any:
    links = Links("learning", {name: list(values) for name, values in params.items()})
    return page.build(question("everything"), Context(NOW, links, {}, {}, sees_all=True, params=params))


def test_the_answer_and_warnings_match_the_figures() -> None:
    filters = question("everything")
    contents = total(CONTENTS, filters, "started", "finished")
    answers = total(QUESTIONS, filters, "attempts")

    report = built()

    assert report.answer.startswith(
        f"Contents were started {contents.count('started')} times and finished"
        f" {contents.count('finished')} times"
    )
    assert f"of {answers.count('attempts')} answers passed." in report.answer
    query = Query(
        SEARCHES, ("searches", "without_results"), filters.of_people, ("query",), order="-without_results"
    )
    missed = answer(query).rows[0]
    assert (
        f"“{missed.keys[0]}” was searched for {missed.count('without_results')} times and nothing was found."
        in [each.sentence for each in report.attention]
    )
    hard = [each for each in rows_of(QUESTIONS, BY_QUESTION, filters).rows if HARD.rings(each)]
    assert [each.sentence for each in report.attention if each.sentence.startswith("Only")] == [
        f"Only {SHARE.short(each.number('pass_rate') or 0)} of {each.count('attempts')} answers to"
        f" “{each.values['title']}” passed."
        for each in hard[:2]
    ]
