"""Tally's project: settings, URLs, WSGI and Celery entries, the one-machine stack."""

from telemetry_project.celery import app as celery_app

__all__ = ["celery_app"]
