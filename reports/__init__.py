"""Everything computed from events: rollups, cost, report pages, digests. Reads events, never writes them."""
