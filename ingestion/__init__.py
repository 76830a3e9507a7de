"""The way in: endpoints of the three dialects, the inbox, the drain, rejected events."""
