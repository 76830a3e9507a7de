"""Erased: what an actor was called, and how the parts of Tally that keep more than events forget it.

A part registers its step with `forgets`; `ingestion.erasure` runs all of them. What each step looks for is
defined here, once: see docs/how-to/remove-events.md.
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

MARK = "(erased)"  # stands for a name in what is kept
SHORTEST = 4  # characters of a name that is looked for within longer texts
SHORTEST_NUMBER = 6  # the same, of a name that is a number
# How bytes and texts may write a name: as it is, escaped in JSON, in a form, in an SQL literal.
WRITTEN: tuple[Callable[[str], str], ...] = (
    str,
    lambda text: json.dumps(text)[1:-1],
    lambda text: json.dumps(text, ensure_ascii=False)[1:-1],
    lambda text: quote(text, safe=""),
    quote_plus,
    lambda text: text.replace("'", "''"),
)


@dataclass(frozen=True)
class Erased:
    """An actor of an owner who is being erased."""

    owner: Owner
    names: tuple[str, ...]  # the id as sent, and what else stands for it: its hash, its escaped form
    any_case: bool = False  # e-mail addresses are the same in any case
    own: frozenset[str] = frozenset()  # ids of sessions and devices that no event of anybody else has

    def is_name(self, text: str) -> bool:
        """Tell whether a text is a name of the actor, and nothing else."""
        bare = text.strip()
        return bare in self.own or self._folded(bare) in self._known

    def is_in(self, text: str) -> bool:
        """Tell whether a text mentions the actor by a name that is telling."""
        return self.is_name(text) or bool(self._telling and self._telling.search(text))

    def redact(self, text: str, *, thoroughly: bool = False) -> str:
        """Return a text without the actor's names.

        `thoroughly` takes out names of any length, where a text is known to be about events: a filter.
        """
        if self.is_name(text):
            return MARK
        pattern = self._any if thoroughly else self._telling
        return pattern.sub(MARK, text) if pattern else text

    def redact_json(self, value: Any, *, thoroughly: bool = False) -> Any:
        """Return a JSON value without the actor's names, whose texts and keys are redacted one by one."""
        if isinstance(value, str):
            return self.redact(value, thoroughly=thoroughly)
        if isinstance(value, list):
            return [self.redact_json(each, thoroughly=thoroughly) for each in value]
        if isinstance(value, dict):
            return {
                self.redact(key): self.redact_json(each, thoroughly=thoroughly) for key, each in value.items()
            }
        return MARK if type(value) in (int, float) and str(value) in self.names and thoroughly else value

    def forms(self, *, telling: bool) -> list[str]:
        """Return how texts may write the actor's names, longest first: all of them, or the telling ones."""
        names = [name for name in self.names if is_telling(name)] if telling else self.names
        return sorted({write(name) for name in names for write in WRITTEN}, key=len, reverse=True)

    @cached_property
    def _known(self) -> frozenset[str]:
        return frozenset(self._folded(name.strip()) for name in self.names)

    def _folded(self, text: str) -> str:
        return text.casefold() if self.any_case else text

    @cached_property
    def _telling(self) -> re.Pattern[str] | None:
        return self._words(self.forms(telling=True))

    @cached_property
    def _any(self) -> re.Pattern[str] | None:
        return self._words(self.forms(telling=False))

    def _words(self, forms: Iterable[str]) -> re.Pattern[str] | None:
        """Compile a pattern that finds any of the forms as whole words."""
        either = "|".join(map(re.escape, forms))
        flags = re.IGNORECASE if self.any_case else 0
        return re.compile(rf"(?<![0-9A-Za-z])(?:{either})(?![0-9A-Za-z])", flags) if either else None


def is_telling(name: str) -> bool:
    """Tell whether a name is long enough that its mention within a text is hardly about anything else."""
    return len(name) >= (SHORTEST_NUMBER if name.isdecimal() else SHORTEST)


Step = Callable[[Erased, datetime], int]
_steps: dict[str, Step] = {}


def forgets(what: str) -> Callable[[Step], Step]:
    """Register a step that forgets an actor and returns how many of `what` it changed or removed."""

    def register(step: Step) -> Step:
        _steps[what] = step
        return step

    return register


def forget(erased: Erased, now: datetime) -> dict[str, int]:
    """Run all steps; return how many each changed, of those that changed anything."""
    return {what: count for what, step in _steps.items() if (count := step(erased, now))}
