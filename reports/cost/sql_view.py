"""The view of charges for SQL."""

from events.sql.view import OWNER_AND_SOURCE, View, ViewColumn, columns_of, register, with_names
from reports.cost.charges import BillingMonth, Charge

LEFT_OUT = frozenset({"id", "billing_month", "price"})

CHARGES = register(
    View(
        "charges",
        "What telemetry costs: a row for each owner, source, kind, format, meter and hour.",
        (
            ViewColumn("charge_id", "c.id", "Id of the charge."),
            *OWNER_AND_SOURCE,
            ViewColumn("month", "b.month", "First day of the billing month."),
            ViewColumn("currency", "b.currency", "Currency of all amounts."),
            ViewColumn("month_state", "b.state", "State of the billing month: open or closed."),
            *columns_of([field for field in Charge._meta.concrete_fields if field.name not in LEFT_OUT], "c"),
        ),
        f"public.{Charge._meta.db_table} c"
        f"\n  JOIN public.{BillingMonth._meta.db_table} b ON b.id = c.billing_month_id"
        f"{with_names('c')}",
        "c.owner_id",
    )
)
