"""IMPRESSION: somebody is shown a page."""

from collections.abc import Iterator, Mapping

import msgspec
from msgspec import UNSET, UnsetType

from events.kinds.base import SunbirdKind
from events.wire.checks import HOUR, example, negative_items, seconds
from events.wire.columns import Need, Number, Objects, Stored, Text
from events.wire.schema import Warned


class Visit(msgspec.Struct, forbid_unknown_fields=True):
    """One visible object, in the pipeline's schema."""

    objid: str
    objtype: str
    objver: str | UnsetType = UNSET
    section: str | UnsetType = UNSET
    index: float | UnsetType = UNSET


def negative_indexes(columns: Mapping[str, Stored]) -> Iterator[Warned]:
    """Warn of visits at a negative index."""
    if items := columns.get("visits"):
        for _, number in negative_items(items, ("index",)):
            yield Warned("edata.visits[].index", "out_of_range", example(number))


class Impression(SunbirdKind):
    """A page shown. Source: V3 IMPRESSION."""

    watches = (negative_indexes,)
    expected = {"edata.visits[].index": "0 or more"}

    type = Text(need=Need.HARD, help_text="Type of the page: list, detail, view, edit, workflow, search.")
    pageid = Text(need=Need.HARD, help_text="ID of the page, unique in its application.")
    uri = Text(need=Need.PIPELINE, help_text="Address of the page.")
    subtype = Text(help_text="How the page appeared: Paginate or Scroll.")
    duration = Number(check=seconds(HOUR), help_text="Time that the page took to load, in seconds.")
    visits = Objects(
        strict=list[Visit],
        help_text="Objects visible on the page: {objid, objtype, objver, section, index}.",
    )
    movement = Text("itype", strict=False, help_text="How the user navigated: SWIPE, SCRUB or AUTO.")
    stage_to = Text("stageto", strict=False, help_text="Level, stage or page that the user went to.")
