"""A cache of values computed from settings. Each access to Django's settings costs a microsecond."""

from collections.abc import Callable
from functools import cache
from typing import ParamSpec, TypeVar, cast

from django.core.signals import setting_changed

P = ParamSpec("P")
R = TypeVar("R")


def cached_from_settings(make: Callable[P, R]) -> Callable[P, R]:
    """Cache a function of its arguments and settings. Tests that change a setting clear the cache."""
    remembered = cache(make)

    def forget(**_: object) -> None:
        remembered.cache_clear()

    setting_changed.connect(forget, weak=False)
    return cast("Callable[P, R]", remembered)
