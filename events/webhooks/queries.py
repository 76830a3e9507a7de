"""The query of a webhook: its filters and fields, checked with the same errors as those of the API."""

from urllib.parse import parse_qsl

from events.feed.followed import FOLLOWED, Question
from events.fields.conditions import Conditions, parse

MOST = 100  # events of a message


class InvalidQuery(ValueError):
    """A query with errors: sentences, by parameter."""

    def __init__(self, errors: dict[str, list[str]]) -> None:
        super().__init__(" ".join(f"{name}: {' '.join(each)}" for name, each in errors.items()))
        self.errors = errors


def conditions_of(what: str, text: str) -> Conditions:
    """Return the conditions of filters. Raises `InvalidQuery`."""
    vocabulary = FOLLOWED[what].vocabulary()
    pairs = parse_qsl(text.removeprefix("?"), keep_blank_values=True)
    names = [name for name, _ in pairs]
    errors = {name: ["There is no such parameter."] for name in names if not vocabulary.read(name)[0]}
    errors |= {name: ["It may be given only once."] for name in names if names.count(name) > 1}
    errors |= {name: ["It has no value."] for name, value in pairs if not value and name not in errors}
    if errors or (text and not pairs):
        raise InvalidQuery(errors or {text[:100]: ["Write filters as in a query string: kind=error."]})
    parsed = parse(vocabulary, pairs)
    if parsed.errors:
        raise InvalidQuery(parsed.errors)
    return parsed.conditions


def fields_of(what: str, text: str) -> frozenset[str] | None:
    """Return the selected members; None for those of lists. Raises `InvalidQuery`."""
    names = frozenset(name.strip() for name in text.split(",") if name.strip())
    unknown = FOLLOWED[what].serializer.unselectable(names)
    if unknown:
        raise InvalidQuery({"fields": [f"There is no field {name[:100]!r}." for name in unknown[:10]]})
    return names or None


def question_of(what: str, text: str) -> Question:
    """Return the query. Raises `InvalidQuery`."""
    followed = FOLLOWED[what]
    rows = followed.named_rows()
    return Question(followed, rows, conditions_of(what, text), owner="", limit=MOST)
