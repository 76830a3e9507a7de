"""Figures: the data of pages and digests, one module per page."""
