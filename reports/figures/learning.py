"""Learning: contents started and finished, questions answered, ratings, searches. By time of occurrence."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from reports.figures.comments import Comment, comments
from reports.filters import Filters
from reports.query.series import Counts, counts, ratio
from reports.rollups import reading
from reports.rollups.models import Contents, Questions, Ratings, Searches
from reports.rollups.relation import Where

LISTED = 1_000  # rows of a table
_OF_CONTENTS = ("started", "finished", "timed", "time_spent")
_OF_QUESTIONS = ("attempts", "passed", "score", "timed", "timed_duration", "expected")
_OF_RATINGS = ("rated", "rating_sum", "comments")
_OF_SEARCHES = ("searches", "without_results", "results")


@dataclass(frozen=True, slots=True)
class Content:
    """What was done with a content; with all of them, where it has no id."""

    id: str
    started: int
    finished: int
    timed: int  # ends that say how long it took
    seconds: float  # that those took

    @property
    def finished_share(self) -> float | None:
        """Finished of started; over 1 where it was begun before the period."""
        return ratio(self.finished, self.started)

    @property
    def mean_seconds(self) -> float | None:
        """From start to end."""
        return ratio(self.seconds, self.timed)


@dataclass(frozen=True, slots=True)
class Question:
    """How a question was answered; all of them, where it has no id."""

    id: str
    title: str
    attempts: int
    passed: int
    score: float  # the sum of the marks
    timed: int  # answers to questions with an expected time
    seconds: float  # that those took
    expected_seconds: float  # that those should have taken

    @property
    def pass_rate(self) -> float | None:
        """Passed of all answers."""
        return ratio(self.passed, self.attempts)

    @property
    def mean_score(self) -> float | None:
        """From 0 to 1 as a rule."""
        return ratio(self.score, self.attempts)

    @property
    def mean_seconds(self) -> float | None:
        """Of answers to questions with an expected time."""
        return ratio(self.seconds, self.timed)

    @property
    def mean_expected(self) -> float | None:
        """What the question's author expects."""
        return ratio(self.expected_seconds, self.timed)

    @property
    def time_share(self) -> float | None:
        """Time taken of time expected: 1 is as expected, 2 twice as long."""
        return ratio(self.seconds, self.expected_seconds)


@dataclass(frozen=True, slots=True)
class Rated:
    """How a content was rated; all of them, where it has no id."""

    id: str
    ratings: int
    sum: float
    comments: int

    @property
    def mean(self) -> float | None:
        """The mean rating."""
        return ratio(self.sum, self.ratings)


@dataclass(frozen=True, slots=True)
class Searched:
    """How often something was searched for; anything, where it has no query."""

    query: str
    searches: int
    without_results: int
    results: float  # of all of them

    @property
    def mean_results(self) -> float | None:
        """Results of one search."""
        return ratio(self.results, self.searches)

    @property
    def empty_share(self) -> float | None:
        """Searches that found nothing, of all."""
        return ratio(self.without_results, self.searches)


@dataclass(frozen=True, slots=True)
class Sums:
    """A whole period."""

    contents: Content
    questions: Question
    ratings: Rated
    searches: Searched

    @property
    def is_empty(self) -> bool:
        """Whether nobody learned."""
        return not any(
            (
                self.contents.started,
                self.contents.finished,
                self.questions.attempts,
                self.ratings.ratings,
                self.ratings.comments,
                self.searches.searches,
            )
        )


@dataclass(frozen=True, slots=True)
class Learning:
    """All figures of the page."""

    sums: Sums
    before: Sums | None
    started: Counts
    finished: Counts
    attempts: Counts
    passed: Counts
    searches: Counts
    without_results: Counts
    contents: tuple[Content, ...]  # the one started most first
    contents_of: int  # how many there are, also those that are not listed
    questions: tuple[Question, ...]  # the one passed least first
    questions_of: int
    rated: tuple[Rated, ...]  # the one rated most first
    ratings: tuple[tuple[float, int], ...]  # how often each rating was given, the lowest first
    comments: tuple[Comment, ...]  # the newest first
    queries: tuple[Searched, ...]  # the most frequent first
    queries_of: int
    unanswered: tuple[Searched, ...]  # that found nothing, the most frequent first


def learning(filters: Filters, now: datetime, content: str = "") -> Learning:
    """The figures of a period and of the one that it is compared with, perhaps of one content alone.

    Searches have no content: with one they are left out.
    """
    where: Where = {"content": content} if content else {}
    contents, contents_of = _contents(filters, where)
    questions, questions_of = _questions(filters, where)
    queries, queries_of = ((), 0) if content else _queries(filters, "-searches")
    contents_over_time = _over_time(Contents, filters, ("started", "finished"), where, now)
    answers_over_time = _over_time(Questions, filters, ("attempts", "passed"), where, now)
    searches_over_time = _over_time(Searches, filters, ("searches", "without_results"), {}, now)
    return Learning(
        sums=_sums(filters, content),
        before=_sums(filters.compared, content) if filters.compared else None,
        started=contents_over_time[0],
        finished=contents_over_time[1],
        attempts=answers_over_time[0],
        passed=answers_over_time[1],
        searches=searches_over_time[0],
        without_results=searches_over_time[1],
        contents=contents,
        contents_of=contents_of,
        questions=questions,
        questions_of=questions_of,
        rated=_rated(filters, where),
        ratings=_ratings(filters, where),
        comments=comments(filters, content),
        queries=queries,
        queries_of=queries_of,
        unanswered=() if content else _unanswered(filters),
    )


def _sums(filters: Filters, content: str) -> Sums:
    where: Where = {"content": content} if content else {}
    # Searches have no content.
    searches = dict.fromkeys(_OF_SEARCHES, 0) if content else reading.totals(Searches, filters, _OF_SEARCHES)
    return Sums(
        _content("", reading.totals(Contents, filters, _OF_CONTENTS, where)),
        _question("", reading.totals(Questions, filters, _OF_QUESTIONS, where)),
        _rating("", reading.totals(Ratings, filters, _OF_RATINGS, where)),
        _search("", searches),
    )


def _over_time(
    rollup: Any, filters: Filters, measures: Sequence[str], where: Where, now: datetime
) -> list[Counts]:
    (line,) = reading.series(rollup, filters, measures, where=where)
    return [counts(line, name, filters, now) for name in measures]


def _contents(filters: Filters, where: Where) -> tuple[tuple[Content, ...], int]:
    found = reading.top(Contents, filters, ["content"], _OF_CONTENTS, limit=LISTED, where=where)
    return tuple(_content(row.keys[0], row.measures) for row in found.rows), found.of


def _content(name: str, sums: dict[str, Any]) -> Content:
    return Content(name, sums["started"], sums["finished"], sums["timed"], sums["time_spent"])


def _questions(filters: Filters, where: Where) -> tuple[tuple[Question, ...], int]:
    measures = (*_OF_QUESTIONS, "title")
    found = reading.top(
        Questions, filters, ["item"], measures, order="passed/attempts", limit=LISTED, where=where
    )
    return tuple(_question(row.keys[0], row.measures) for row in found.rows), found.of


def _question(name: str, sums: dict[str, Any]) -> Question:
    return Question(
        id=name,
        title=sums.get("title") or "",
        attempts=sums["attempts"],
        passed=sums["passed"],
        score=sums["score"],
        timed=sums["timed"],
        seconds=sums["timed_duration"],
        expected_seconds=sums["expected"],
    )


def _rated(filters: Filters, where: Where) -> tuple[Rated, ...]:
    found = reading.top(Ratings, filters, ["content"], _OF_RATINGS, limit=LISTED, where=where)
    return tuple(_rating(row.keys[0], row.measures) for row in found.rows)


def _rating(name: str, sums: dict[str, Any]) -> Rated:
    return Rated(name, sums["rated"], sums["rating_sum"], sums["comments"])


def _ratings(filters: Filters, where: Where) -> tuple[tuple[float, int], ...]:
    found = reading.top(Ratings, filters, ["rating"], ["rated"], limit=LISTED, where=where)
    return tuple(sorted((float(row.keys[0]), row.measures["rated"]) for row in found.rows if row.keys[0]))


def _queries(filters: Filters, order: str) -> tuple[tuple[Searched, ...], int]:
    found = reading.top(Searches, filters, ["query"], _OF_SEARCHES, order=order, limit=LISTED)
    return tuple(_search(row.keys[0], row.measures) for row in found.rows), found.of


def _unanswered(filters: Filters) -> tuple[Searched, ...]:
    found, _ = _queries(filters, "-without_results")
    return tuple(each for each in found if each.without_results)


def _search(query: str, sums: dict[str, Any]) -> Searched:
    return Searched(query, sums["searches"], sums["without_results"], sums["results"])
