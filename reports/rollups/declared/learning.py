"""Learning: contents played, questions answered, ratings given, searches made."""

from reports.rollups.columns import Count, Key, Total, Words
from reports.rollups.rollup import EventRollup


class Contents(EventRollup):
    """Contents started (START) and finished (END)."""

    of_people = True
    kinds = ("start", "end")
    where = "coalesce(event.object_id, detail_start.content_id, detail_end.content_id) <> ''"

    content = Key(
        "coalesce(event.object_id, detail_start.content_id, detail_end.content_id)",
        help_text="ID of the object, or of the content without an object.",
    )
    object_type = Key("event.object_type", help_text="Type of the object.")
    type = Key(
        "coalesce(detail_start.type, detail_end.type)", help_text="What begins or ends, such as player."
    )
    started = Count("event.kind = 'start'", help_text="Number of starts.")
    finished = Count("event.kind = 'end'", help_text="Number of ends.")
    timed = Count("detail_end.duration IS NOT NULL", help_text="Number of ends with a duration.")
    time_spent = Total("detail_end.duration", help_text="Sum of their durations, in seconds.")


class Questions(EventRollup):
    """Questions answered and marked (ASSESS)."""

    of_people = True
    kinds = ("assess",)

    item = Key("detail.item_id", help_text="ID of the question.")
    content = Key("event.object_id", help_text="ID of the content that it is in.")
    title = Words("detail.item_title", null=True, help_text="Its title.")
    attempts = Count(help_text="Number of answers.")
    passed = Count("lower(detail.passed) = 'yes'", help_text="Number of answers that passed.")
    score = Total("detail.score", help_text="Sum of the marks.")
    marked_out_of = Count(
        "detail.item_max_score IS NOT NULL", help_text="Number of answers to questions with a highest mark."
    )
    max_score = Total("detail.item_max_score", help_text="Sum of the highest marks.")
    duration = Total("detail.duration", help_text="Sum of the times taken, in seconds.")
    timed = Count(
        "detail.duration IS NOT NULL AND detail.item_expected_seconds IS NOT NULL",
        help_text="Number of answers to questions with an expected time.",
    )
    timed_duration = Total(
        "CASE WHEN detail.item_expected_seconds IS NOT NULL THEN detail.duration END",
        help_text="Sum of their durations, in seconds.",
    )
    expected = Total(
        "CASE WHEN detail.duration IS NOT NULL THEN detail.item_expected_seconds END",
        help_text="Sum of their expected times, in seconds.",
    )


class Ratings(EventRollup):
    """Ratings and comments (FEEDBACK)."""

    of_people = True
    kinds = ("feedback",)

    content = Key("coalesce(event.object_id, detail.content_id)", help_text="ID of the content.")
    rating = Key("detail.rating::text", help_text="Rating as a number. Empty for a comment without a rating.")
    count = Count(help_text="Number of times it was given.")
    rated = Count("detail.rating IS NOT NULL", help_text="Number with a rating.")
    rating_sum = Total("detail.rating", help_text="Sum of the ratings.")
    comments = Count(
        "detail.comments <> '' OR detail.comment_text <> '' OR detail.commentid <> ''",
        help_text="Number with a comment.",
    )


class Searches(EventRollup):
    """Searches and their numbers of results (SEARCH)."""

    of_people = True
    kinds = ("search",)

    query = Key("detail.query", help_text="Text that was searched for.")
    type = Key("detail.type", help_text="Type of search: content, assessment or asset.")
    searches = Count(help_text="How often.")
    without_results = Count("detail.size = 0", help_text="Number of searches without a result.")
    results = Total("detail.size", help_text="Sum of their results.")
