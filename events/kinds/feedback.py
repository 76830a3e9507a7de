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
        help_text="Content spoken of; normally sent as the object's id.",
    )
    rating = Number(help_text="1 for like and -1 for dislike, or stars, halves too.")
    comments = Text(help_text="What the user wrote.")
    commentid = Text(help_text="Id of a ready-made comment that the user chose.")
    comment_text = Text("commenttxt", help_text="Text of the ready-made comment.")
