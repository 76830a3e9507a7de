"""The change feed as readers follow it: queries, waiting, retention. `events.changes` has its rows."""
