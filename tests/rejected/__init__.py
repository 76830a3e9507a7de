"""Rejected events: replayed, edited, discarded, explained; and the books, which balance after all of it."""
