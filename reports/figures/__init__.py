"""Figures: what pages and digests show, as plain data; one module for each page."""
