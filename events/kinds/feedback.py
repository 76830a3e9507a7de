"""FEEDBACK: somebody says what they think of a content."""

from events.kinds.base import SunbirdKind
from events.wire.columns import Need, Number, Text


class Feedback(SunbirdKind):
    """A rating, a comment or both. Source: V3 FEEDBACK."""

    content_id = Text(
        "contentId",
        Need.PAGE,
        strict=False,
        unless="object_id",
        help_text="Content that the feedback is about. Normally sent as the object's ID.",
    )
    rating = Number(help_text="1 for like and -1 for dislike, or a number of stars, including halves.")
    comments = Text(help_text="What the user wrote.")
    commentid = Text(help_text="ID of a predefined comment that the user chose.")
    comment_text = Text("commenttxt", help_text="Text of the predefined comment.")
