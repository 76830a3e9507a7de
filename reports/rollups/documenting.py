"""Documentation of the rollups: Markdown tables generated from their declarations.

The page is written by hand. Only the text between a pair of marks is generated.
"""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from django.conf import settings

from reports.rollups.columns import Measure, Members
from reports.rollups.rollup import Rollup, rollups

PAGE = Path(settings.BASE_DIR) / "docs" / "reference" / "rollups.md"
_MARKED = re.compile(r"(<!-- made from the declarations -->\n).*?(<!-- end -->)", re.DOTALL)


def renewed(page: str) -> str:
    """Return the page with regenerated tables."""
    made = "\n".join(line for rollup in rollups() for line in _rollup(rollup))
    return _MARKED.sub(lambda found: f"{found[1]}\n{made}\n{found[2]}", page)


def _rollup(rollup: type[Rollup]) -> Iterator[str]:
    summary = (rollup.__doc__ or "").strip().splitlines()[0]
    yield f"#### {rollup._meta.model_name}\n\n{summary} From {_from(rollup)}.\n"
    yield "| column | | merged by | meaning |\n|---|---|---|---|"
    for column in rollup.columns():
        merged = _merged(column) if isinstance(column, Measure) else ""
        what = "measure" if merged else "key"
        yield f"| `{column.name}` | {what} | {merged} | {column.help_text} |"
    yield ""


def _from(rollup: type[Rollup]) -> str:
    if rollup.of_sessions:
        return "sessions, by when they started"
    return f"events of kind {' and '.join(rollup.kinds)}" if rollup.kinds else "events of all kinds"


def _merged(column: Any) -> str:
    """Return the aggregate in a word or two."""
    if isinstance(column, Members):
        return "union of sets"
    names = {"sum": "sum", "min": "least", "max": "greatest", "": "the last"}
    return names[column.merged().split("(")[0]]
