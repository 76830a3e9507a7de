"""RESPONSE: somebody answers something without a mark (a poll, an invitation, a question)."""

from events.kinds.base import SunbirdKind
from events.wire.columns import Need, Objects, Text


class Response(SunbirdKind):
    """One answer. Source: V3 RESPONSE and TARGET."""

    closed = frozenset({"", "target"})

    target_id = Text("target.id", Need.HARD, help_text="ID of the item that was answered.")
    target_version = Text("target.ver", Need.HARD, help_text="Version of the item that was answered.")
    target_type = Text("target.type", Need.HARD, help_text="Type of the item that was answered.")
    type = Text(need=Need.HARD, help_text="Type of answer: CHOOSE, DRAG, SELECT, MATCH, INPUT, SPEAK, WRITE.")
    values = Objects(
        need=Need.HARD, help_text="The answer: a list of objects, with {lhs} and {rhs} for a match."
    )
    question_id = Text("qid", Need.PAGE, strict=False, help_text="ID of the question.")
    target_parent_id = Text("target.parent.id", help_text="ID of the target's parent.")
    target_parent_type = Text(
        "target.parent.type", Need.PAGE, when="target_parent_id", help_text="Type of the target's parent."
    )
