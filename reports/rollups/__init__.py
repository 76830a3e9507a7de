"""Rollups: sums of events and sessions by quarter of an hour, so that pages needn't read events."""
