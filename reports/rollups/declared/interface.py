"""Interface: what users did on pages that report to Availity's telemetry."""

from reports.rollups.columns import Count, Key
from reports.rollups.rollup import EventRollup


class UiActions(EventRollup):
    """Actions on page elements."""

    kinds = ("ui_action",)

    customer = Key("detail.customer_id", help_text="Availity's id of the customer.")
    payer = Key("detail.payer_id", help_text="Payer chosen in the workflow.")
    category = Key("detail.category", help_text="Section of the page.")
    label = Key("detail.label", help_text="Text of the element.")
    action = Key("detail.action", help_text="What the user did.")
    level = Key(
        "coalesce(detail.severity, lower(detail.level))",
        help_text="debug, info, warn or error; other words as sent, in lower case.",
    )
    events = Count(help_text="How many.")
