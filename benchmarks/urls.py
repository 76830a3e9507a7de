"""Tally's URLs; the reference endpoints are in the gate."""

from telemetry_project.urls import urlpatterns

__all__ = ["urlpatterns"]
