"""Report pages: what the applications did, and what it cost. Reads from events, never writes them."""
