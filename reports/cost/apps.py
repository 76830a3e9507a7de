"""The app of price plans, charges and budgets."""

from django.apps import AppConfig


class CostConfig(AppConfig):
    """Price plans, charges, billing months and budgets."""

    name = "reports.cost"
    label = "cost"
    verbose_name = "Cost"

    def ready(self) -> None:
        """Register budget warnings as a kind of mail, and the view of charges."""
        from reports.cost import budget_mails, sql_view  # noqa: F401  (registers its view)

        budget_mails.register_kind()
