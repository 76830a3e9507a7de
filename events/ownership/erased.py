"""Erased actors: their names, and the steps that erase them from data other than events.

Each part of Tally registers its step with `forgets`; `ingestion.erasure` runs all steps. The names that they
look for are defined here, once: see docs/how-to/remove-events.md.
"""

import json
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from typing import Any
from urllib.parse import quote, quote_plus

from events.ownership.owner import Owner
from events.spreadsheets.formulas import harmless

MARK = "(erased)"  # replaces a name
SHORTEST = 4  # fewest characters of a name that is redacted within longer texts
SHORTEST_NUMBER = 6  # fewest digits of a name that is a number
# Ways to write a name: as it is, or escaped in JSON, in a form, in an SQL literal, in CSV.
WRITTEN: tuple[Callable[[str], str], ...] = (
    str,
    lambda text: json.dumps(text)[1:-1],
    lambda text: json.dumps(text, ensure_ascii=False)[1:-1],
    lambda text: quote(text, safe=""),
    quote_plus,
    lambda text: text.replace("'", "''"),
    lambda text: harmless(text).replace('"', '""'),  # CSV
)


@dataclass(frozen=True)
class Erased:
    """An actor of an owner who is being erased."""

    owner: Owner
    names: tuple[str, ...]  # the id as sent, its hash, its escaped form
    any_case: bool = False  # e-mail addresses are the same in any case
    own: frozenset[str] = frozenset()  # ids of sessions and devices that only this actor's events have

    def is_name(self, text: str) -> bool:
        """True if a text is exactly a name of the actor."""
        bare = text.strip()
        return bare in self.own or self._folded(bare) in self._known

    def is_in(self, text: str) -> bool:
        """True if a text contains a distinctive name of the actor."""
        return self.is_name(text) or bool(self._distinctive and self._distinctive.search(text))

    def redact(self, text: str, *, thoroughly: bool = False) -> str:
        """Return a text without the actor's names.

        `thoroughly` redacts names of any length, for texts known to be about events, such as filters.
        """
        if self.is_name(text):
            return MARK
        pattern = self._any if thoroughly else self._distinctive
        return pattern.sub(MARK, text) if pattern else text

    def redact_json(self, value: Any, *, thoroughly: bool = False) -> Any:
        """Return a JSON value without the actor's names; its texts and keys are redacted one by one."""
        if isinstance(value, str):
            return self.redact(value, thoroughly=thoroughly)
        if isinstance(value, list):
            return [self.redact_json(each, thoroughly=thoroughly) for each in value]
        if isinstance(value, dict):
            return {
                self.redact(key): self.redact_json(each, thoroughly=thoroughly) for key, each in value.items()
            }
        return MARK if type(value) in (int, float) and str(value) in self.names and thoroughly else value

    def forms(self, *, distinctive: bool) -> list[str]:
        """Return all ways to write the actor's names, or only the distinctive ones; longest first."""
        names = [name for name in self.names if is_distinctive(name)] if distinctive else self.names
        return sorted({write(name) for name in names for write in WRITTEN}, key=len, reverse=True)

    @cached_property
    def _known(self) -> frozenset[str]:
        return frozenset(self._folded(name.strip()) for name in self.names)

    def _folded(self, text: str) -> str:
        return text.casefold() if self.any_case else text

    @cached_property
    def _distinctive(self) -> re.Pattern[str] | None:
        return self._words(self.forms(distinctive=True))

    @cached_property
    def _any(self) -> re.Pattern[str] | None:
        return self._words(self.forms(distinctive=False))

    def _words(self, forms: Iterable[str]) -> re.Pattern[str] | None:
        """Compile a pattern that finds any of the forms as whole words."""
        either = "|".join(map(re.escape, forms))
        flags = re.IGNORECASE if self.any_case else 0
        return re.compile(rf"(?<![0-9A-Za-z])(?:{either})(?![0-9A-Za-z])", flags) if either else None


def is_distinctive(name: str) -> bool:
    """True if a name is so long that a text that contains it hardly means anything else."""
    return len(name) >= (SHORTEST_NUMBER if name.isdecimal() else SHORTEST)


Step = Callable[[Erased, datetime], int]
_steps: dict[str, Step] = {}


def forgets(what: str) -> Callable[[Step], Step]:
    """Register a step that erases an actor from `what`, and returns how many rows it changed or removed."""

    def register(step: Step) -> Step:
        _steps[what] = step
        return step

    return register


def forget(erased: Erased, now: datetime) -> dict[str, int]:
    """Run all steps, and return how many rows each changed, without zeros."""
    return {what: count for what, step in _steps.items() if (count := step(erased, now))}
