"""Figures of the cost pages."""
