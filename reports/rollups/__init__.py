"""Rollups: events and sessions aggregated by quarter of an hour, so that pages needn't read events."""
