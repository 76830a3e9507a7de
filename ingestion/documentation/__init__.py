"""Documentation of the ingest formats, generated from the kinds."""
