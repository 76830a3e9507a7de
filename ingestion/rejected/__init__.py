"""Rejected events: kept with the reason, listed, replayed or discarded."""
