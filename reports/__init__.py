"""What is made of events: rollups, cost, report pages, digests. Reads events, never writes them."""
