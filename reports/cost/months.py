"""Months as people write them."""

import re
from datetime import date


def month_of_text(text: str) -> date:
    """The first day of a month such as 2026-09. Raises ValueError with a sentence."""
    found = re.fullmatch(r"([0-9]{4})-([0-9]{2})", text, re.ASCII)
    if not found or not 1 <= int(found[2]) <= 12 or int(found[1]) < 1:
        raise ValueError("A month is written as in 2026-09.")
    return date(int(found[1]), int(found[2]), 1)
