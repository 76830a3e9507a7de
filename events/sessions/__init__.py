"""Sessions: the events of one visit, summarised from the stored events."""
