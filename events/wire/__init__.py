"""The wire form of events: dialects, typed columns with paths, validators, and conversion both ways."""
