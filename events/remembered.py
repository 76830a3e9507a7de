"""Remembering what is made of settings: each look at Django's costs a microsecond, and a request took 36."""

from collections.abc import Callable
from functools import cache
from typing import Any, ParamSpec, TypeVar, cast

from django.core.signals import setting_changed

P = ParamSpec("P")
R = TypeVar("R")


def of_settings(make: Callable[P, R]) -> Callable[P, R]:
    """Decorates a function of settings and its arguments alone: made once, anew after a test changed one."""
    remembered = cache(make)

    def forget(**_: Any) -> None:
        remembered.cache_clear()

    setting_changed.connect(forget, weak=False)
    return cast("Callable[P, R]", remembered)
