"""The real clients of the three formats send to the real server."""
