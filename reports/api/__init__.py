"""Endpoints of the read API that come from reports."""
