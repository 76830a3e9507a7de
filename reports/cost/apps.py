"""The app of price plans, charges and budgets."""

from django.apps import AppConfig


class CostConfig(AppConfig):
    """What telemetry costs, and whom."""

    name = "reports.cost"
    label = "cost"
    verbose_name = "Cost"

    def ready(self) -> None:
        """Let mail know of warnings about budgets."""
        from reports.cost import budget_mails

        budget_mails.connect()
