"""Validators of kinds: msgspec Structs derived from the leaves of a schema, and their errors in words.

Lenient validation requires only what both documents require. Strict validation follows the reference
pipeline's JSON schemas: closed objects, exact types, their required fields.
"""

import re
from collections.abc import Callable, Iterable, Mapping
from enum import IntEnum
from keyword import iskeyword
from typing import Annotated, Any, NamedTuple

import msgspec
from msgspec import UNSET, Meta, UnsetType

from events.wire.columns import NOT_BLANK, NUMERIC, Form, Need
from events.wire.schema import Leaf, Schema
from events.wire.typed import converter
from events.wire.values import Wire

MAX_IDENTIFIER = 512  # characters of ids, sessions, actors and devices
Identifier = Annotated[str, Meta(max_length=MAX_IDENTIFIER)]
# Text within the limit, or any other JSON value, since a wrong type in a soft field is no reason to reject.
SoftIdentifier = Identifier | int | float | bool | list[Wire] | dict[str, Wire] | None


class Must(IntEnum):
    """Conditions under which a field must be present."""

    NO = 0
    WITHIN = 1  # if the object around it is present
    ALWAYS = 2  # together with the object around it


class Fault(NamedTuple):
    """The reason why an event was refused: a stable code, the path of the field, a sentence."""

    code: str
    path: str
    message: str


Rule = Callable[[Mapping[str, Wire]], Fault | None]


class Validator:
    """The validation rules of events of one schema."""

    def __init__(self, struct: type[msgspec.Struct], rules: Iterable[Rule]) -> None:
        self._convert = converter(struct)
        self.rules = tuple(rules)

    def fault_of(self, event: Mapping[str, Wire]) -> Fault | None:
        """Return the first fault of a decoded event, or None."""
        try:
            self._convert(event)
        except msgspec.ValidationError as error:
            return explain(str(error))
        for rule in self.rules:
            if fault := rule(event):
                return fault
        return None


def lenient(schema: Schema, rules: Iterable[Rule], hard: frozenset[str] | None = None) -> Validator:
    """Build the validator of hard fields; `hard` (dotted paths) replaces the columns' own."""
    fields = _root(schema)
    for leaf in schema.leaves:
        is_hard = leaf.need is Need.HARD if hard is None else leaf.dotted in hard
        if is_hard:
            fields.append((leaf.path, leaf.held or leaf.lenient_type, Must.ALWAYS))
        elif leaf.held is not None:
            fields.append((leaf.path, leaf.held, Must.NO))
    return Validator(_struct(f"{schema.kind}_lenient", fields, frozenset()), rules)


def strict(schema: Schema, rules: Iterable[Rule], closed: frozenset[str]) -> Validator:
    """Build the validator of the reference pipeline's rules; `closed` has the paths of closed objects."""
    fields = _root(schema) + [
        (leaf.path, leaf.strict_type, _strict_must(leaf))
        for leaf in schema.leaves
        if leaf.strict_type is not None
    ]
    return Validator(_struct(f"{schema.kind}_strict", fields, closed), rules)


def _strict_must(leaf: Leaf) -> Must:
    if leaf.need in (Need.HARD, Need.PIPELINE):
        return Must.ALWAYS
    return Must.WITHIN if leaf.within else Must.NO


Field = tuple[tuple[str, ...], Form, Must]


def _root(schema: Schema) -> list[Field]:
    """Return the object with the kind's fields. It must be present even if none of them is required."""
    return [(schema.root, dict[str, Wire], Must.ALWAYS)] if schema.root else []


def _struct(
    name: str, fields: Iterable[Field], closed: frozenset[str], path: str = ""
) -> type[msgspec.Struct]:
    """Build a Struct of (path, type, must) triples, nested by path."""
    groups: dict[str, list[Field]] = {}
    for inner, kind, must in fields:
        groups.setdefault(inner[0], []).append((inner[1:], kind, must))
    members: list[tuple[str, Form] | tuple[str, Form, UnsetType]] = []
    renamed: dict[str, str] = {}
    for index, (key, group) in enumerate(groups.items()):
        attribute = key if key.isidentifier() and not iskeyword(key) else f"field_{index}"
        renamed[attribute] = key
        _, kind, must = group[0]
        if inside := [field for field in group if field[0]]:
            below = f"{path}.{key}".lstrip(".")
            kind = _struct(f"{name}_{attribute}", inside, closed, below)
            # An object must exist if it is required itself or contains a required field.
            must = Must.ALWAYS if any(must is Must.ALWAYS for _, _, must in group) else Must.NO
        if must:
            members.append((attribute, kind))
        else:
            members.append((attribute, kind if kind is Any else kind | UnsetType, UNSET))
    members.sort(key=len)  # required members come first
    return msgspec.defstruct(name, members, rename=renamed, forbid_unknown_fields=path in closed, gc=False)


MAX_SHOWN = 200  # characters of a path, since its keys come from the client


def shown(path: str) -> str:
    """Return a path that can be shown and stored."""
    return path if len(path) <= MAX_SHOWN else path[: MAX_SHOWN - 1] + "…"


_JSON_NAMES = {"str": "text", "int": "a whole number", "float": "a number", "bool": "true or false"}
_JSON_NAMES |= {"array": "a list", "object": "an object", "null": "null"}


def _worded(types: str) -> str:
    """Return a type such as `int | float` in words."""
    names = dict.fromkeys(_JSON_NAMES.get(name.strip(), name.strip()) for name in types.split("|"))
    if {"a whole number", "a number"} <= names.keys():
        names.pop("a whole number")
    return " or ".join(names)


# msgspec's messages, each with our code and sentence. The groups fill the placeholders.
_SENTENCES = [
    (re.compile(pattern, re.DOTALL), code, sentence)
    for pattern, code, sentence in (
        (r"Object missing required field `(.*)`", "missing", "{path} is required."),
        (r"Object contains unknown field `(.*)`", "unknown_field", "{path} is not a field of this event."),
        (r"Expected `(?:str|array)` of length >= 1$", "empty", "{path} must not be empty."),
        (r"Expected `str` of length <= (\d+)", "bad_length", "{path} has more than {0} characters."),
        (r"Expected `array` of length <= (\d+)", "bad_length", "{path} has more than {0} items."),
        (re.escape(f"Expected `str` matching regex {NOT_BLANK!r}"), "empty", "{path} must not be empty."),
        (re.escape(f"Expected `str` matching regex {NUMERIC!r}"), "wrong_type", "{path} must be a number."),
        (r"Expected `str` matching regex (.*)", "bad_value", "{path} must be {0}."),
        (r"Expected `\w+` >= (\S+)", "bad_value", "{path} must be {0} or more."),
        (r"Expected `(.*?)`, got `(.*?)`", "wrong_type", "{path} must be {0}, not {1}."),
        (r"Invalid enum value ", "bad_value", "{path} has a value that isn't allowed."),
        (r"Number out of range", "bad_value", "{path} is outside the range of numbers."),
        (r"(.*)", "bad_value", "{path}: {0}."),  # anything else
    )
]
_PATTERNS: dict[str, str] = {}  # a pattern as msgspec prints it, and in words


def written_as(
    pattern: str, words: str, *, min_length: int | None = None, max_length: int | None = None
) -> Meta:
    """Return the constraint of a text to a pattern, with the words of its error: "must be …"."""
    _PATTERNS[repr(pattern)] = words
    return Meta(pattern=pattern, min_length=min_length, max_length=max_length)


_NAMES_A_KEY = {"missing", "unknown_field"}


def explain(sentence: str) -> Fault:
    """Return the fault of msgspec's ValidationError."""
    text, _, path = sentence.rpartition(" - at `$")
    # msgspec's paths begin with `$`, the whole event: `$.edata.item` is our `edata.item`.
    text, path = (text, path[:-1].removeprefix(".")) if text else (sentence, "")
    for pattern, code, words in _SENTENCES:
        if found := pattern.match(text):
            groups = found.groups()
            if code in _NAMES_A_KEY:
                path = f"{path}.{groups[0]}".removeprefix(".")
            elif code == "wrong_type":
                groups = tuple(map(_worded, groups))
            elif groups and groups[0] in _PATTERNS:
                groups = (_PATTERNS[groups[0]],)
            path = shown(path)
            return Fault(code, path, words.format(*groups, path=path or "The event"))
    raise AssertionError("the last pattern matches everything")
