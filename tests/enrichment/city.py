"""Writes a small but real City database with addresses from documentation ranges."""

import os
from pathlib import Path
from typing import Any

from mmdb_writer import MMDBWriter
from netaddr import IPSet

OAKLAND = "192.0.2.7"
BERLIN = "2001:db8:49::7"
NOWHERE = "198.51.100.7"  # an address that isn't in the database
PLACES: dict[str, dict[str, Any]] = {
    "192.0.2.0/24": {
        "city": {"geoname_id": 5378538, "names": {"en": "Oakland", "de": "Oakland"}},
        "country": {"iso_code": "US", "names": {"en": "United States"}},
        "location": {
            "latitude": 37.8044,
            "longitude": -122.2697,
            "metro_code": 807,
            "time_zone": "America/Los_Angeles",
        },
        "subdivisions": [{"iso_code": "CA", "names": {"en": "California", "de": "Kalifornien"}}],
    },
    "2001:db8:49::/48": {
        "country": {"iso_code": "DE"},
        "location": {"latitude": 52.5, "longitude": 13.4, "time_zone": "Europe/Berlin"},
    },
}
IN_OAKLAND = {
    "country": "US",
    "region": "California",
    "locality": "Oakland",
    "latitude": 37.8044,
    "longitude": -122.2697,
    "timezone": "America/Los_Angeles",
    "dma": 807,
}
IN_BERLIN = {"country": "DE", "latitude": 52.5, "longitude": 13.4, "timezone": "Europe/Berlin"}


def write(path: Path, places: dict[str, Any] | None = None, version: int = 6) -> Path:
    """Write a database and rename it over the existing one, as an update should."""
    writer = MMDBWriter(
        ip_version=version,
        ipv4_compatible=version == 6,
        database_type="GeoLite2-City",
        languages=["en"],
        description="Tests",
    )
    for network, record in (PLACES if places is None else places).items():
        if version == 6 or ":" not in network:
            writer.insert_network(IPSet([network]), record)
    aside = path.with_suffix(".new")
    writer.to_db_file(str(aside))
    os.replace(aside, path)  # noqa: PTH105  (replaces the existing file)
    return path
