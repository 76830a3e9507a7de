"""Content and learning: what was started and finished, which questions are hard, what is said and sought."""

from reports.charts.numbers import SHARE, change, points
from reports.figures.learning import Learning, learning
from reports.filters import Filters
from reports.pages import bots, learning_blocks
from reports.pages.kind_links import of_kind
from reports.pages.learning_blocks import ENOUGH, HARD, LEFT, SOUGHT, TIMES
from reports.pages.page import ALL_FILTERS, Context, Page
from reports.pages.report import Attention, Control, Empty, Figure, Report
from reports.pages.words import of_period, plural, than
from reports.query.series import Counts, ratio


def build(filters: Filters, context: Context) -> Report:
    """The report."""
    filters = filters.of_people
    content = context.first("content")
    found = learning(filters, context.now, content)
    blocks = [
        learning_blocks.over_time(found, filters, context),
        learning_blocks.contents(found, filters, context),
        learning_blocks.questions(found, filters),
        learning_blocks.ratings(found, filters),
        learning_blocks.rated(found, filters, context),
        learning_blocks.comments(found.comments, filters),
    ]
    if not content:
        blocks += [learning_blocks.queries(found, filters), learning_blocks.unanswered(found, filters)]
    return Report(
        answer=_answer(found, filters, context, content),
        figures=tuple(_figures(found, filters, searches=not content)),
        attention=tuple(_attention(found, filters, context)),
        blocks=tuple(blocks),
        controls=(Control("content", "Content", content, hint="id of a content"),),
        note="Events count when they occurred. Time per content is what its ends say; as long as "
        "somebody is at it, it has none.",
        empty=Empty(text="Contents, answers, ratings and searches appear here: V3's START, END, ASSESS, "
                    "FEEDBACK and SEARCH. Choose a longer period, or lift a filter.")
        if found.sums.is_empty
        else None,
    )  # fmt: skip


def _answer(found: Learning, filters: Filters, context: Context, content: str) -> str:
    when = of_period(filters.period, context.now)
    sums = found.sums
    if sums.is_empty:
        return f"Nothing was learned {when}."
    what = content or "Contents"
    verb = "was" if content else "were"
    said = (
        f"{what} {verb} started {plural(sums.contents.started, 'time')}"
        f" and finished {plural(sums.contents.finished, 'time')} {when}"
    )
    before = found.before.contents.started if found.before else None
    said += than(sums.contents.started, before, context.compared, none="not once", same="as often")
    if sums.questions.pass_rate is not None:
        answers = plural(sums.questions.attempts, "answer")
        said += f"; {SHARE.short(sums.questions.pass_rate)} of {answers} passed"
    return f"{said}."


def _figures(found: Learning, filters: Filters, *, searches: bool) -> list[Figure]:
    sums, before = found.sums, found.before
    figures = [
        Figure(
            "Contents started",
            sums.contents.started,
            TIMES,
            change(sums.contents.started, before.contents.started, more_is="good") if before else None,
            spark=found.started,
            href=of_kind("start", filters),
        ),
        Figure(
            "Finished",
            sums.contents.finished_share,
            SHARE,
            points(sums.contents.finished_share, before.contents.finished_share, more_is="good")
            if before
            else None,
            spark=_shares(found.finished, found.started),
            note=plural(sums.contents.finished, "time"),
            href=of_kind("end", filters),
        ),
        Figure(
            "Answers passed",
            sums.questions.pass_rate,
            SHARE,
            points(sums.questions.pass_rate, before.questions.pass_rate, more_is="good") if before else None,
            spark=_shares(found.passed, found.attempts),
            note=f"of {plural(sums.questions.attempts, 'answer')}",
            href=of_kind("assess", filters),
        ),
        Figure(
            "Searches without a result",
            sums.searches.empty_share,
            SHARE,
            points(sums.searches.empty_share, before.searches.empty_share, more_is="bad") if before else None,
            spark=_shares(found.without_results, found.searches),
            note=f"{sums.searches.without_results:,} of {sums.searches.searches:,}",
            href=of_kind("search", filters, size=0),
        ),
    ]
    return figures if searches else figures[:3]


def _shares(parts: Counts, wholes: Counts) -> tuple[float | None, ...]:
    return tuple(ratio(part, whole) for part, whole in zip(parts, wholes, strict=True))


def _attention(found: Learning, filters: Filters, context: Context) -> list[Attention]:
    """The hardest questions, contents that most don't finish, what is sought in vain."""
    hard = [each for each in found.questions if each.attempts >= ENOUGH and (each.pass_rate or 0) < HARD]
    left = [each for each in found.contents if each.started >= ENOUGH and (each.finished_share or 0) < LEFT]
    left.sort(key=lambda each: each.finished_share or 0)
    sought = [each for each in found.unanswered if each.without_results >= SOUGHT]
    return [
        *(
            Attention(
                f"Only {SHARE.short(each.pass_rate or 0)} of {plural(each.attempts, 'answer')} to"
                f" “{each.title or each.id}” passed.",
                of_kind("assess", filters, item_id=each.id),
                "See the answers",
            )
            for each in hard[:2]
        ),
        *(
            Attention(
                f"{each.id} was started {plural(each.started, 'time')}, but finished only"
                f" {plural(each.finished, 'time')}.",
                context.links.here(content=each.id),
                "Narrow to it",
            )
            for each in left[:2]
        ),
        *(
            Attention(
                f"“{each.query}” was searched for {plural(each.without_results, 'time')} and nothing"
                " was found.",
                of_kind("search", filters, query=each.query),
                "See the searches",
            )
            for each in sought[:2]
        ),
    ]


PAGE = Page(
    "learning",
    "Content and learning",
    "school",
    build,
    filters=tuple(name for name in ALL_FILTERS if name != "kind"),
    own=("content",),
    of_bots=bots.of_learning,
)
