"""The way out: the link that a page without an answer has, where its own address is why there is none."""

from typing import TypedDict

from reports.pages.links import Links


class Way(TypedDict, total=False):
    """A link, as `Empty` takes it."""

    href: str
    label: str


def way_out(links: Links) -> Way:
    """Lifts what narrows; where nothing does, leads to the usual period; nothing where that is asked for."""
    if links.is_narrowed:
        return {"href": links.lifted(), "label": "Lift all filters"}
    if any(links.params.get(name) for name in ("period", "from", "to")):
        return {"href": links.in_usual_period(), "label": "Show the last 7 days"}
    return {}
