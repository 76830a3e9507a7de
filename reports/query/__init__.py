"""Queries: one question of a report (metrics, dimensions, filters, period, order), answered from rollups."""
