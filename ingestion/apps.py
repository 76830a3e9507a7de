"""The app that lets events in."""

from django.apps import AppConfig


class IngestionConfig(AppConfig):
    """Endpoints, inbox, drain and rejected events."""

    name = "ingestion"
    verbose_name = "Ingestion"
