"""The readings of all dialects, by name."""

from ingestion.dialects import availity, buildless, sunbird

READINGS = {reading.name: reading for reading in (availity.READING, sunbird.READING, buildless.READING)}
