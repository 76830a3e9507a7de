"""METRICS: a service counts what it does."""

import msgspec
from msgspec import UNSET, UnsetType

from events.kinds.base import SunbirdKind
from events.wire.columns import Need, Objects, Text


class Metric(msgspec.Struct):
    """One measurement. The pipeline's schema allows any members."""

    metric: str | UnsetType = UNSET
    value: float | UnsetType = UNSET


class Metrics(SunbirdKind):
    """Measurements of a service. Source: V3 METRICS.

    The published page has any key with a number in the place of `metrics`: such keys are kept in `extra`.
    """

    system = Text(need=Need.PIPELINE, help_text="System that was measured.")
    subsystem = Text(need=Need.PIPELINE, help_text="Part of the system that was measured.")
    metrics = Objects(strict=list[Metric], help_text="The measurements: {metric, value}.")
