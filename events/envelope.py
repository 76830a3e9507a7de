"""Envelope: its columns in the groups that pages and answers show them in."""

PLACE = (
    "country",
    "region",
    "locality",
    "latitude",
    "longitude",
    "geohash",
    "timezone",
    "dma",
    "edge",
)
AGENT = (
    "browser",
    "browser_version",
    "os_name",
    "os_family",
    "os_version",
    "device_type",
    "is_bot",
    "user_agent",
)
# All that enrichment fills.
ENRICHED = ("actor_email_hash", "address_hash", "clock_skew_ms", "time_hash", *PLACE, *AGENT)
