"""SEARCH: somebody searches for contents, items or assets."""

from events.kinds.base import SunbirdKind
from events.wire.checks import COUNT
from events.wire.columns import Need, Number, Objects, Open, Text


class Search(SunbirdKind):
    """One search and what it found. Source: V3 SEARCH."""

    query = Text(need=Need.HARD, help_text="Text that was searched for.")
    size = Number(need=Need.HARD, check=COUNT, help_text="Number of results.")
    topn = Objects(need=Need.HARD, help_text="The best results, with their scores.")
    type = Text(need=Need.PAGE, help_text="Type of search: content, assessment or asset.")
    filters = Open(help_text="Filters of the search.")
    sort = Open(help_text="How the results were sorted.")
    correlation_id = Text("correlationid", help_text="The server's ID of the search.")
