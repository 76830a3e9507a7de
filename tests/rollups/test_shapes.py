"""Estimates from log histograms are rounded to their accuracy."""

from math import ceil, log

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reports.rollups import histograms


def bin_of(value: float) -> int:
    """Return the bin of a positive value, as the database computes it."""
    return histograms._SHIFT + ceil(log(value) / log(histograms.GAMMA))


def test_a_session_of_two_minutes_has_a_median_of_two_minutes() -> None:
    assert histograms.value_of(bin_of(120.0)) == pytest.approx(119.15646320272116)
    assert histograms.quantiles({bin_of(120.0): 1}, [0.5, 0.9]) == [120.0, 120.0]


@given(st.floats(1e-6, 1e12))
def test_an_estimate_is_within_its_error_and_short(value: float) -> None:
    (found,) = histograms.quantiles({bin_of(value): 3}, [0.5])
    assert found == pytest.approx(value, rel=histograms.ERROR + histograms.ROUNDING + 0.0005)
    assert len(f"{found:e}".partition("e")[0].rstrip("0").rstrip(".").replace(".", "")) <= 3
    assert len(repr(found).strip("0.").replace(".", "").partition("e")[0]) <= 14, (
        "no digits of a float's noise"
    )


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (0.0, 0.0),
        (-119.156, -120.0),
        (1.0, 1.0),
        (1.013, 1.02),
        (4.98, 5.0),
        (0.0119156, 0.012),
        (9_960.0, 10_000.0),
    ],
)
def test_rounding_steps_follow_the_error(value: float, expected: float) -> None:
    assert histograms.rounded(value) == expected
