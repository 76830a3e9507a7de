"""ASSESS: somebody answers a question and is marked."""

from events.kinds.base import SunbirdKind
from events.wire.checks import DAY, between, one_of, seconds
from events.wire.columns import LenientNumber, Need, Number, Objects, Text, Texts


class Assess(SunbirdKind):
    """One question, answered and marked. Source: V3 ASSESS and QUESTION."""

    closed = frozenset({"", "item"})

    item_id = Text("item.id", Need.HARD, help_text="Id of the question.")
    # The page has defaults for these two, so an event may lack them. Values of another type are refused.
    passed = Text(
        "pass",
        Need.PIPELINE,
        held=str | None,
        check=one_of("Yes", "No"),
        help_text="Yes or No; the wire's key is `pass`. No where it is absent.",
    )
    score = Number(
        need=Need.PIPELINE,
        held=LenientNumber | None,
        check=between(0, 1, "a number from 0 to 1"),
        help_text="Mark for the answer, from 0 to 1. Where it is absent 1 if `pass` is yes, else 0.",
    )
    resvalues = Objects(need=Need.HARD, help_text="The answer: a list of objects of one key each.")
    duration = Number(need=Need.HARD, check=seconds(DAY), help_text="Time taken for the answer, in seconds.")
    index = Number(help_text="Place of the question in its series.")
    item_max_score = Number("item.maxscore", help_text="Best mark that the question's author allows.")
    item_expected_seconds = Number(
        "item.exlength", check=seconds(DAY), help_text="Time that an answer should take, in seconds."
    )
    item_params = Objects("item.params", help_text="Values put into a question with blanks, one key each.")
    item_uri = Text("item.uri", help_text="External resource of the question, for instance a recording.")
    item_description = Text("item.desc", help_text="Short description of the question.")
    item_title = Text("item.title", help_text="Title of the question.")
    item_missing_concepts = Texts("item.mmc", help_text="Micro concepts that a wrong answer shows missing.")
    item_concepts = Texts("item.mc", help_text="Micro concepts that the question asks for.")
    item_type = Text("item.type", help_text="Type of the question, for instance mcq or ftb.")
