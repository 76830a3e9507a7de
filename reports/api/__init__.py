"""The read API of the report side."""
