"""The store: files accepted events into envelope, kind tables, usage counters and pending work."""
