"""Tally's URLs; the reference endpoint is in the gate."""

from telemetry_project.urls import urlpatterns

__all__ = ["urlpatterns"]
