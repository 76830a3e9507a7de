"""The app that receives and files events."""

from django.apps import AppConfig


class IngestionConfig(AppConfig):
    """Endpoints, inbox, drain and rejected events."""

    name = "ingestion"
    verbose_name = "Ingestion"

    def ready(self) -> None:
        """Register the system checks, how an actor is forgotten, and what is about rejected events."""
        from ingestion.erasure import redaction  # noqa: F401  (registers them)
        from ingestion.receiving import context  # noqa: F401  (registers them)
        from ingestion.rejected import changes, sql_view  # noqa: F401  (register a janitor and the view)
