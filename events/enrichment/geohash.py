"""Geohash: a point as text whose beginning says roughly where it is.

Source: the public geohash scheme (G. Niemeyer, 2008): longitude and latitude are halved in turn, five bits
make a character of base 32. Nine characters place a point to about five metres.
"""

from events.enrichment.facts import Facts
from events.wire.schema import Taken

ALPHABET = "0123456789bcdefghjkmnpqrstuvwxyz"
PRECISION = 9


def geohash(latitude: float, longitude: float, precision: int = PRECISION) -> str | None:
    """The geohash of a point in degrees; None for what is no point on Earth."""
    if not (-90 <= latitude <= 90 and -180 <= longitude <= 180):
        return None
    spans = ([-180.0, 180.0, longitude], [-90.0, 90.0, latitude])
    cell = 0
    for bit in range(5 * precision):
        span = spans[bit % 2]
        middle = (span[0] + span[1]) / 2
        above = span[2] >= middle
        span[0 if above else 1] = middle
        cell = cell << 1 | above
    return "".join(ALPHABET[cell >> shift & 31] for shift in range(5 * (precision - 1), -1, -5))


def add(taken: Taken, facts: Facts) -> None:
    """Fill the column where the event itself says where it was; a request's point has its geohash already."""
    envelope = taken.envelope
    latitude, longitude = envelope.get("latitude"), envelope.get("longitude")
    if latitude is None or longitude is None:
        envelope.pop("geohash", None)
    elif (latitude, longitude) != (facts.columns.get("latitude"), facts.columns.get("longitude")):
        envelope["geohash"] = geohash(latitude, longitude)
