"""Content and learning: every number is what a plain look at the events says."""

from collections import Counter, defaultdict
from typing import Any

import pytest

from events.event import Event
from reports.charts.numbers import SHARE
from reports.figures.learning import Learning, learning
from reports.filters import Filters
from reports.pages import learning as page
from reports.pages.learning_blocks import ENOUGH, HARD
from reports.pages.links import Links
from reports.pages.page import Context
from tests.reports import lifelike
from tests.reports.lifelike import (
    NOW,
    Pair,
    by_bucket,
    each_question,
    just_before,
    of_module,
    of_people,
    question,
)

pytestmark = pytest.mark.django_db
stored = of_module()


def seen(kind: str, filters: Filters) -> list[Pair]:
    """The events of people of a kind that filters leave."""
    return of_people(lifelike.seen(kind, filters))


def content_of(event: Event, row: Any) -> str:
    return str((row.content_id if event.object_id is None else event.object_id) or "")


def named(pairs: list[Pair]) -> dict[str, list[Pair]]:
    """By content."""
    found = defaultdict(list)
    for event, row in pairs:
        found[content_of(event, row)].append((event, row))
    return found


def of_contents(kind: str, filters: Filters) -> list[Pair]:
    return [pair for pair in seen(kind, filters) if content_of(*pair)]


@each_question
def test_contents_are_started_finished_and_timed(asked: str) -> None:
    filters = question(asked)
    starts, ends = of_contents("start", filters), of_contents("end", filters)

    found = learning(filters, NOW)

    assert (found.sums.contents.started, found.sums.contents.finished) == (len(starts), len(ends))
    assert (found.started, found.finished) == (by_bucket(starts, filters), by_bucket(ends, filters))
    expected: dict[str, Any] = {
        name: (
            len(named(starts).get(name, [])),
            len(named(ends).get(name, [])),
            pytest.approx(sum(row.duration or 0 for _, row in named(ends).get(name, []))),
        )
        for name in {*named(starts), *named(ends)}
    }
    assert {each.id: (each.started, each.finished, each.seconds) for each in found.contents} == expected
    assert found.contents_of == len(expected)
    timed = [row.duration for _, row in ends if row.duration is not None]
    mean = pytest.approx(sum(timed) / len(timed)) if timed else None
    assert found.sums.contents.mean_seconds == mean


@each_question
def test_questions_have_attempts_score_pass_rate_and_time(asked: str) -> None:
    filters = question(asked)
    answers = defaultdict(list)
    for _, row in seen("assess", filters):
        answers[row.item_id].append(row)

    found = learning(filters, NOW)

    assert {each.id for each in found.questions} == set(answers)
    assert found.questions_of == len(answers)
    rates = [each.pass_rate or 0 for each in found.questions]
    assert rates == sorted(rates), "the hardest first"
    for each in found.questions:
        rows = answers[each.id]
        timed = [row for row in rows if row.item_expected_seconds is not None and row.duration is not None]
        taken, due = (
            sum(getattr(row, name) for row in timed) for name in ("duration", "item_expected_seconds")
        )
        assert each.title == max(row.item_title for row in rows)
        assert each.attempts == len(rows)
        assert each.pass_rate == sum(row.passed.lower() == "yes" for row in rows) / len(rows)
        assert each.mean_score == pytest.approx(sum(row.score for row in rows) / len(rows))
        assert each.mean_seconds == (pytest.approx(taken / len(timed)) if timed else None)
        assert each.mean_expected == (pytest.approx(due / len(timed)) if timed else None)
        assert each.time_share == (pytest.approx(taken / due) if timed else None)


@each_question
def test_ratings_and_comments(asked: str) -> None:
    filters = question(asked)
    feedback = seen("feedback", filters)
    said = [row for _, row in feedback if row.comments or row.comment_text or row.commentid]

    found = learning(filters, NOW)

    assert dict(found.ratings) == Counter(row.rating for _, row in feedback if row.rating is not None)
    assert {each.id: (each.ratings, each.mean, each.comments) for each in found.rated} == {
        name: (len(rated), pytest.approx(sum(rated) / len(rated)) if rated else None, comments)
        for name, pairs in named(feedback).items()
        for rated, comments in [
            (
                [row.rating for _, row in pairs if row.rating is not None],
                sum(1 for _, row in pairs if row in said),
            )
        ]
    }
    newest = sorted(said, key=lambda row: row.pk, reverse=True)[:20]
    assert [(each.event_id, each.text) for each in found.comments] == [
        (str(row.pk), row.comments) for row in newest
    ]


@each_question
def test_searches_are_ranked_and_those_in_vain_too(asked: str) -> None:
    filters = question(asked)
    rows = [row for _, row in seen("search", filters)]
    searches, vain = Counter(row.query for row in rows), Counter(row.query for row in rows if row.size == 0)

    found = learning(filters, NOW)

    assert {each.query: (each.searches, each.without_results) for each in found.queries} == {
        query: (times, vain[query]) for query, times in searches.items()
    }
    assert [each.searches for each in found.queries] == sorted(searches.values(), reverse=True)
    assert {each.query: each.without_results for each in found.unanswered} == dict(vain)
    assert (found.sums.searches.searches, found.sums.searches.without_results) == (len(rows), vain.total())


def test_it_narrows_to_a_content() -> None:
    filters = question("everything")
    whole = learning(filters, NOW)
    content = whole.rated[0].id

    found = learning(filters, NOW, content)

    assert [each.id for each in found.contents] == [content]
    assert found.sums.contents == next(_unnamed(each) for each in whole.contents if each.id == content)
    assert found.comments == learning(filters, NOW, content).comments != ()
    assert {each.content for each in found.comments} == {content}
    assert found.sums.searches.searches == 0 == len(found.queries)


def _unnamed(each: Any) -> Any:
    return type(each)("", each.started, each.finished, each.timed, each.seconds)


def test_it_compares_with_the_period_before() -> None:
    filters = question("some days")
    before = just_before(filters.period)

    found = learning(question("some days", compare=before), NOW)

    assert found.before == learning(filters.over(before), NOW).sums != found.sums


def built(found: Learning, monkeypatch: pytest.MonkeyPatch, **params: tuple[str, ...]) -> Any:
    """The page of some figures."""
    monkeypatch.setattr(page, "learning", lambda *_: found)
    links = Links("learning", {name: list(values) for name, values in params.items()})
    return page.build(question("everything"), Context(NOW, links, {}, {}, sees_all=True, params=params))


def test_the_answer_and_what_wants_attention_are_computed(monkeypatch: pytest.MonkeyPatch) -> None:
    found = learning(question("everything"), NOW)
    sums = found.sums

    report = built(found, monkeypatch)

    assert report.answer.startswith(
        f"Contents were started {sums.contents.started} times and finished {sums.contents.finished} times"
    )
    assert f"of {sums.questions.attempts} answers passed." in report.answer
    vain = found.unanswered[0]
    assert f"“{vain.query}” was searched for {vain.without_results} times and nothing was found." in [
        each.sentence for each in report.attention
    ]
    hard = [each for each in found.questions if each.attempts >= ENOUGH and (each.pass_rate or 0) < HARD]
    assert [each.sentence for each in report.attention if each.sentence.startswith("Only")] == [
        f"Only {SHARE.short(each.pass_rate or 0)} of {each.attempts} answers to “{each.title}” passed."
        for each in hard[:2]
    ]
