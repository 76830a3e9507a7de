"""Typed columns of kinds: Django fields that also know their path on the wire and if they are required.

A column converts a wire value for storage (`take`) and back (`give`). `take` returns the stored value,
`MISMATCH` for a value of another type (kept in `extra`, column null, warned), or `Inexact` for a value that
the column can't reproduce exactly (the original is also kept in `extra`).
"""
# mypy: disable-error-code="type-arg"
# Django's fields take type arguments from the checker only, so a class that runs can't name them.

import re
from collections.abc import Callable, Sequence
from datetime import datetime
from decimal import Decimal
from enum import Enum
from typing import TYPE_CHECKING, Annotated, Any, Final, NamedTuple, final

from django.contrib.postgres.fields import ArrayField
from django.db import models
from msgspec import Meta

from events.identity import milliseconds, moment
from events.wire.checks import Check
from events.wire.values import Wire

Stored = Any  # a column's value
Columns = dict[str, Stored]
Form = Any  # a type for msgspec: a class, a union or an annotated type


class Need(Enum):
    """Presence of a field: required, expected or optional.

    Two documents disagree (docs/reference/formats.md).
    """

    HARD = "hard"  # both require it: an event without it is rejected
    PAGE = "soft, required by the published page"
    PIPELINE = "soft, required by the reference pipeline"
    OPTIONAL = "optional"


@final
class Inexact(NamedTuple):
    """A stored reading of a wire value that differs from the value itself."""

    stored: Stored


class _Mismatch(Enum):
    """The wire value has a type that the column can't hold."""

    MISMATCH = "mismatch"


MISMATCH: Final = _Mismatch.MISMATCH

EXACT_INTEGERS = 2**53  # a double holds every integer up to this
NUMERIC = r"^-?(?:0|[1-9][0-9]{0,300})(?:\.[0-9]{1,300})?(?:[eE][+-]?[0-9]{1,3})?\Z"
LenientNumber = int | float | Annotated[str, Meta(pattern=NUMERIC)]  # also a numeric string
NOT_BLANK = r"\S"
Filled = Annotated[str, Meta(pattern=NOT_BLANK)]
_NUMERIC = re.compile(NUMERIC, re.ASCII)
_BASE64 = re.compile(r"[A-Za-z0-9+/_-]*={0,2}\Z")
LATEST_MS = 253_402_300_799_999  # the last millisecond of the year 9999: datetime ends there

# A column's value, `Inexact` or `MISMATCH`.
Take = Callable[[Wire], object]
Give = Callable[[Stored], Wire]


def take_text(value: Wire) -> str | _Mismatch:
    """Accept text of any length."""
    return value if type(value) is str else MISMATCH


def take_loose_text(value: Wire) -> str | Inexact | _Mismatch:
    """Accept text; a number becomes its text."""
    if type(value) is int or type(value) is float:
        return Inexact(str(value))
    return take_text(value)


def take_identifier(value: Wire) -> str | Inexact | _Mismatch:
    """Accept text that names something. An empty text counts as missing."""
    if type(value) is not str:
        return MISMATCH
    return value or Inexact(None)


def take_number(value: Wire) -> float | Inexact | _Mismatch:
    """Accept a JSON number as a double; a numeric string becomes its number."""
    if type(value) is int:
        if -EXACT_INTEGERS <= value <= EXACT_INTEGERS:
            return float(value)
        return Inexact(float(value)) if -(10**308) < value < 10**308 else MISMATCH
    if type(value) is float:
        return value
    if type(value) is str and _NUMERIC.match(value):
        number = float(value)
        return Inexact(number) if abs(number) != float("inf") else MISMATCH
    return MISMATCH


def give_number(stored: float) -> Wire:
    """Return a whole double as an integer, as JavaScript writes it."""
    return int(stored) if stored.is_integer() and abs(stored) <= EXACT_INTEGERS else stored


def take_whole(value: Wire) -> int | _Mismatch:
    """Accept an integer of 64 bits."""
    return value if type(value) is int and -(2**63) <= value < 2**63 else MISMATCH


def take_uint32(value: Wire) -> int | Inexact | _Mismatch:
    """Accept an unsigned 32-bit integer, which proto3 JSON may also write as a string."""
    if type(value) is int and 0 <= value < 2**32:
        return value
    number = take_uint64(value)
    if type(number) is Inexact:
        number = number.stored
    return Inexact(int(number)) if type(number) is Decimal and number < 2**32 else MISMATCH


def take_uint64(value: Wire) -> Decimal | Inexact | _Mismatch:
    """Accept an unsigned 64-bit integer, which proto3 JSON writes as a string; numbers are accepted too."""
    if type(value) is str and value.isascii() and value.isdigit() and len(value) <= 20:
        number = int(value)
        if number < 2**64:
            return Decimal(number) if str(number) == value else Inexact(Decimal(number))
    if type(value) is int and 0 <= value < 2**64:
        return Inexact(Decimal(value))
    return MISMATCH


def take_flag(value: Wire) -> bool | _Mismatch:
    """Accept a JSON boolean."""
    return value if type(value) is bool else MISMATCH


def take_milliseconds(value: Wire) -> datetime | Inexact | _Mismatch:
    """Accept milliseconds since 1970 as a time. Times beyond the calendar stay in `extra`."""
    if type(value) is int:
        return moment(value) if 0 <= value <= LATEST_MS else Inexact(None)
    number = take_number(value)
    if type(number) is Inexact:
        number = number.stored
    if number is MISMATCH:
        return MISMATCH
    return Inexact(moment(int(number)) if 0 <= number <= LATEST_MS else None)


def give_milliseconds(stored: datetime) -> Wire:
    """Return a time as milliseconds since 1970."""
    return milliseconds(stored)


def take_texts(value: Wire) -> list[str] | _Mismatch:
    """Accept a list of texts."""
    if type(value) is not list:
        return MISMATCH
    for item in value:  # a loop, because `all` with a generator takes twice as long on a few items
        if type(item) is not str:
            return MISMATCH
    return value


def take_list(value: Wire) -> list[Wire] | _Mismatch:
    """Accept any list."""
    return value if type(value) is list else MISMATCH


def take_object(value: Wire) -> dict[str, Wire] | _Mismatch:
    """Accept an object with any keys."""
    return value if type(value) is dict else MISMATCH


def same(stored: Stored) -> Wire:
    """Return the stored value, which is the wire value."""
    return stored


# Values of these types are stored unchanged, so splitting an event needn't call `take` for them.
AS_IT_IS: dict[Take, type] = {
    take_text: str,
    take_loose_text: str,
    take_identifier: str,  # unless it is empty
    take_number: float,
    take_flag: bool,
    take_list: list,
    take_object: dict,
}


if TYPE_CHECKING:  # every column is one of Django's fields too
    Mixin = models.Field
else:
    Mixin = object


class WireField(Mixin):
    """What every column adds to its Django field: path, need, and the type that strict validation holds.

    - `path` is dotted and relative to the kind's root on the wire; the default is the field's name.
    - `held` is the type that lenient validation holds, also where the field is not hard; by default that of
      the column where it is hard, else anything.
    - `strict` is False for a field that the reference pipeline's closed lists don't know, else the type it
      must have there.
    - `within`: the field is only required where the object around it is there: by strict validation in any
      case, by the warnings where it is soft.
    - A soft field may be missing where the envelope's column `unless` is filled, or the kind's column `when`
      isn't.
    - `check` says what the value should be; another one is accepted with a quality warning.
    """

    # Set by each column class below.
    take: Take
    give: Give = staticmethod(same)
    lenient_type: Form  # for msgspec, if the field is hard
    strict_type: Form
    django_path: str

    def __init__(
        self,
        path: str = "",
        need: Need = Need.OPTIONAL,
        *,
        held: Form = None,
        strict: Form = True,
        within: bool = False,
        unless: str = "",
        when: str = "",
        check: Check | None = None,
        **kwargs: Any,
    ) -> None:
        self.path = path
        self.need = need
        self.held = held
        self.strict = strict
        self.within = within
        self.unless = unless
        self.when = when
        self.value_check = check  # `check` is a method of Django's fields
        super().__init__(**{"null": True, "blank": True, **kwargs})

    def deconstruct(self) -> tuple[str, str, Sequence[object], dict[str, object]]:
        """Return the plain Django field for migrations. Path and need don't affect the database."""
        name, _, args, kwargs = super().deconstruct()
        return name, self.django_path, args, kwargs

    def contribute_to_class(self, cls: type[models.Model], name: str, *args: Any, **kwargs: Any) -> None:
        """Set the path to the name by default."""
        self.path = self.path or name
        super().contribute_to_class(cls, name, *args, **kwargs)


class Text(WireField, models.TextField):
    """Text, stored whole."""

    take: Take = staticmethod(take_text)
    lenient_type: Form = str
    strict_type: Form = str
    django_path = "django.db.models.TextField"


class FilledText(Text):
    """Text that must not be empty or blank if the field is hard."""

    lenient_type: Form = Filled


class LooseText(Text):
    """Text that some clients send as a number."""

    take = staticmethod(take_loose_text)
    lenient_type = strict_type = str | int | float


class Name(Text):
    """One of the names of a protobuf enum; its number is accepted too, and unknown ones are kept as sent."""

    def __init__(self, *args: Any, names: tuple[str, ...] = (), **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.names = names

    def take(self, value: Wire) -> str | Inexact | _Mismatch:
        """Return the name, also for a number."""
        if type(value) is int and 0 <= value < len(self.names):
            return Inexact(self.names[value])
        return value if value in self.names else MISMATCH


class Base64(Text):
    """Bytes, stored as the received base64 (either alphabet). Too many or too few are a mismatch."""

    def __init__(self, *args: Any, shortest: int = 0, longest: int = 2**30, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.lengths = range(shortest, longest + 1)

    def take(self, value: Wire) -> str | _Mismatch:
        """Return the text of the bytes."""
        if type(value) is str and _BASE64.match(value) and len(value.rstrip("=")) * 3 // 4 in self.lengths:
            return value
        return MISMATCH


class Number(WireField, models.FloatField):
    """A number, stored as a double."""

    take = staticmethod(take_number)
    give = staticmethod(give_number)
    lenient_type = LenientNumber
    strict_type = float
    django_path = "django.db.models.FloatField"


class Whole(WireField, models.BigIntegerField):
    """A whole number of up to 64 bits."""

    take: Take = staticmethod(take_whole)
    lenient_type: Form = int
    strict_type: Form = int
    django_path = "django.db.models.BigIntegerField"


class Uint32(Whole):
    """An unsigned number of 32 bits."""

    take = staticmethod(take_uint32)
    lenient_type = strict_type = str | int


class Uint64(WireField, models.DecimalField):
    """An unsigned number of 64 bits, a string in proto3 JSON."""

    take = staticmethod(take_uint64)
    give = staticmethod(lambda stored: str(int(stored)))
    lenient_type = strict_type = str | int
    django_path = "django.db.models.DecimalField"

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **{"max_digits": 20, "decimal_places": 0, **kwargs})


class Flag(WireField, models.BooleanField):
    """True or false."""

    take = staticmethod(take_flag)
    lenient_type = strict_type = bool
    django_path = "django.db.models.BooleanField"


class Milliseconds(WireField, models.DateTimeField):
    """A time, sent as milliseconds since 1970."""

    take = staticmethod(take_milliseconds)
    give = staticmethod(give_milliseconds)
    lenient_type = LenientNumber
    strict_type = float
    django_path = "django.db.models.DateTimeField"


class Texts(WireField, ArrayField):
    """A list of texts."""

    take = staticmethod(take_texts)
    lenient_type = strict_type = list[str]
    django_path = "django.contrib.postgres.fields.ArrayField"

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **{"base_field": models.TextField(), **kwargs})


class Objects(WireField, models.JSONField):
    """A list, of objects as a rule, kept as JSON."""

    take = staticmethod(take_list)
    lenient_type = list[Wire]
    strict_type = list[dict[str, Wire]]
    django_path = "django.db.models.JSONField"


class Open(WireField, models.JSONField):
    """An object with any keys, stored as JSON."""

    take = staticmethod(take_object)
    lenient_type = strict_type = dict[str, Wire]
    django_path = "django.db.models.JSONField"
