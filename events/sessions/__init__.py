"""Sessions: what the events of one visit amount to, summed up from the stored events."""
