"""ASSESS: somebody answers a question and is marked."""

from events.kinds.base import SunbirdKind
from events.wire.checks import DAY, between, one_of, seconds
from events.wire.columns import LenientNumber, Need, Number, Objects, Text, Texts


class Assess(SunbirdKind):
    """One question, answered and marked. Source: V3 ASSESS and QUESTION."""

    closed = frozenset({"", "item"})

    item_id = Text("item.id", Need.HARD, help_text="ID of the question.")
    # The page has defaults for these two, so an event may lack them. Values of another type are refused.
    passed = Text(
        "pass",
        Need.PIPELINE,
        held=str | None,
        check=one_of("Yes", "No"),
        help_text="Yes or No. The wire's key is `pass`. No if it is absent.",
    )
    score = Number(
        need=Need.PIPELINE,
        held=LenientNumber | None,
        check=between(0, 1, "a number from 0 to 1"),
        help_text="Mark for the answer, from 0 to 1. If it is absent: 1 if `pass` is yes, else 0.",
    )
    resvalues = Objects(need=Need.HARD, help_text="The answer: a list of objects with one key each.")
    duration = Number(need=Need.HARD, check=seconds(DAY), help_text="Time taken for the answer, in seconds.")
    index = Number(help_text="Position of the question in its series.")
    item_max_score = Number("item.maxscore", help_text="Highest mark that the question's author allows.")
    item_expected_seconds = Number(
        "item.exlength", check=seconds(DAY), help_text="Expected time for an answer, in seconds."
    )
    item_params = Objects("item.params", help_text="Values put into a question with blanks, one key each.")
    item_uri = Text("item.uri", help_text="External resource of the question, such as a recording.")
    item_description = Text("item.desc", help_text="Short description of the question.")
    item_title = Text("item.title", help_text="Title of the question.")
    item_missing_concepts = Texts(
        "item.mmc", help_text="Micro-concepts that a wrong answer shows to be missing."
    )
    item_concepts = Texts("item.mc", help_text="Micro-concepts that the question tests.")
    item_type = Text("item.type", help_text="Type of the question, such as mcq or ftb.")
