"""Tally's project: settings, URLs, WSGI and Celery entries, the one-machine stack."""
