"""Learning: contents played, questions answered, ratings given, searches made."""

from reports.rollups.columns import Count, Key, Total, Words
from reports.rollups.rollup import EventRollup


class Contents(EventRollup):
    """Contents begun (START) and done with (END)."""

    of_people = True
    kinds = ("start", "end")
    where = "coalesce(event.object_id, detail_start.content_id, detail_end.content_id) <> ''"

    content = Key(
        "coalesce(event.object_id, detail_start.content_id, detail_end.content_id)",
        help_text="Id of the object, else of the content.",
    )
    object_type = Key("event.object_type", help_text="Type of the object.")
    type = Key(
        "coalesce(detail_start.type, detail_end.type)", help_text="What begins or ends, for instance player."
    )
    started = Count("event.kind = 'start'", help_text="How often it was begun.")
    finished = Count("event.kind = 'end'", help_text="How often it was ended.")
    timed = Count("detail_end.duration IS NOT NULL", help_text="Ends that say how long it took.")
    time_spent = Total("detail_end.duration", help_text="Seconds that those took.")


class Questions(EventRollup):
    """Questions answered and marked (ASSESS)."""

    of_people = True
    kinds = ("assess",)

    item = Key("detail.item_id", help_text="Id of the question.")
    content = Key("event.object_id", help_text="Id of the content that it is in.")
    title = Words("detail.item_title", null=True, help_text="Its title.")
    attempts = Count(help_text="How often it was answered.")
    passed = Count("lower(detail.passed) = 'yes'", help_text="Answers that passed.")
    score = Total("detail.score", help_text="Sum of the marks.")
    marked_out_of = Count(
        "detail.item_max_score IS NOT NULL", help_text="Answers to questions with a best mark."
    )
    max_score = Total("detail.item_max_score", help_text="Sum of the best marks.")
    duration = Total("detail.duration", help_text="Seconds that the answers took.")
    timed = Count(
        "detail.duration IS NOT NULL AND detail.item_expected_seconds IS NOT NULL",
        help_text="Answers to questions with an expected time.",
    )
    timed_duration = Total(
        "CASE WHEN detail.item_expected_seconds IS NOT NULL THEN detail.duration END",
        help_text="Seconds that those took.",
    )
    expected = Total(
        "CASE WHEN detail.duration IS NOT NULL THEN detail.item_expected_seconds END",
        help_text="Seconds that those should take.",
    )


class Ratings(EventRollup):
    """Ratings and comments (FEEDBACK)."""

    of_people = True
    kinds = ("feedback",)

    content = Key("coalesce(event.object_id, detail.content_id)", help_text="Id of the content.")
    rating = Key("detail.rating::text", help_text="The rating as a number; empty for a comment alone.")
    count = Count(help_text="How often it was given.")
    rated = Count("detail.rating IS NOT NULL", help_text="Those with a rating.")
    rating_sum = Total("detail.rating", help_text="Sum of the ratings.")
    comments = Count(
        "detail.comments <> '' OR detail.comment_text <> '' OR detail.commentid <> ''",
        help_text="Those with a comment.",
    )


class Searches(EventRollup):
    """Searches and how much they found (SEARCH)."""

    of_people = True
    kinds = ("search",)

    query = Key("detail.query", help_text="What was searched for.")
    type = Key("detail.type", help_text="What was searched: content, assessment or asset.")
    searches = Count(help_text="How often.")
    without_results = Count("detail.size = 0", help_text="Searches that found nothing.")
    results = Total("detail.size", help_text="Results of all of them.")
