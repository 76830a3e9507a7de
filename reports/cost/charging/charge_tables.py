"""The tables of charges: replacing rows, daily sums, and corrections of closed months."""

from collections.abc import Iterable
from datetime import datetime
from decimal import Decimal

from django.db import connection
from psycopg import sql

from reports.cost.charges import BillingMonth
from reports.cost.charging.charge_lines import ChargeLine

_COLUMNS = sql.SQL(", ").join(map(sql.Identifier, ChargeLine._fields))
_COPY_CHARGES = sql.SQL("COPY cost_charge (billing_month_id, is_correction, {}) FROM STDIN").format(_COLUMNS)
_COPY_STAGE = sql.SQL("COPY cost_staged ({}) FROM STDIN").format(_COLUMNS)
_STAGE = """
CREATE TEMPORARY TABLE cost_staged (
    owner_id bigint, hour timestamptz, source_id bigint, kind text, dialect text, meter text, tier smallint,
    price_id bigint, label text, consumed numeric, quantity numeric, list_unit_price numeric,
    unit_price numeric, list_cost numeric, cost numeric, wire_bytes bigint, hours smallint
) ON COMMIT DROP
"""
# A charge is compared by this key. Tiers of usage are summed; `tier` tells platform costs apart.
_KEYS = sql.SQL("owner_id, hour, coalesce(source_id, 0) AS source, kind, dialect, meter")
_KEY_NAMES = sql.SQL("owner_id, hour, source, kind, dialect, meter, tier")
_SUMS = sql.SQL("""CASE meter WHEN 'platform' THEN tier ELSE 0 END AS tier, max(label) AS label,
    max(price_id) AS price_id, sum(consumed) AS consumed, sum(quantity) AS quantity,
    sum(list_cost) AS list_cost, sum(cost) AS cost, sum(wire_bytes) AS wire_bytes,
    max(hours) AS hours""")

# By how much a new computation differs from what was charged, by hour.
_DIFFERENCES = sql.SQL("""
WITH computed AS (SELECT {keys}, {sums} FROM cost_staged GROUP BY 1, 2, 3, 4, 5, 6, 7),
charged AS (
    SELECT {keys}, {sums} FROM cost_charge
    WHERE billing_month_id = ANY(%s) AND hour >= %s AND hour < %s GROUP BY 1, 2, 3, 4, 5, 6, 7
), difference AS (
    SELECT {key_names}, coalesce(n.label, w.label, '') AS label,
        coalesce(n.price_id, w.price_id) AS price_id,
        coalesce(n.consumed, 0) - coalesce(w.consumed, 0) AS consumed,
        coalesce(n.quantity, 0) - coalesce(w.quantity, 0) AS quantity,
        coalesce(n.list_cost, 0) - coalesce(w.list_cost, 0) AS list_cost,
        coalesce(n.cost, 0) - coalesce(w.cost, 0) AS cost,
        (coalesce(n.wire_bytes, 0) - coalesce(w.wire_bytes, 0))::bigint AS wire_bytes,
        coalesce(n.hours, w.hours) AS hours
    FROM computed n FULL JOIN charged w USING ({key_names})
)
SELECT * FROM difference
WHERE (consumed, quantity, list_cost, cost, wire_bytes) IS DISTINCT FROM (0, 0, 0, 0, 0)
""").format(keys=_KEYS, key_names=_KEY_NAMES, sums=_SUMS)

_CORRECT = sql.SQL("""
INSERT INTO cost_charge (billing_month_id, is_correction, owner_id, hour, source_id, kind, dialect, meter,
    tier, label, price_id, consumed, quantity, list_cost, cost, wire_bytes, hours)
SELECT %s, true, owner_id, hour, nullif(source, 0), kind, dialect, meter, tier, label, price_id,
    consumed, quantity, list_cost, cost, wire_bytes, hours FROM ({differences}) found
""").format(differences=_DIFFERENCES)

# Inserted in index order, so that rows read together are stored together.
_DAILY = sql.SQL("""
INSERT INTO cost_chargeday (billing_month_id, owner_id, day, source_id, kind, dialect, meter, is_correction,
    consumed, quantity, list_cost, cost, wire_bytes)
SELECT billing_month_id, owner_id, (hour AT TIME ZONE 'UTC')::date, source_id, kind, dialect, meter,
    is_correction, sum(consumed), sum(quantity), sum(list_cost), sum(cost), sum(wire_bytes)
FROM cost_charge WHERE billing_month_id = %s AND {condition}
GROUP BY 1, 2, 3, 4, 5, 6, 7, 8 ORDER BY 1, 2, 3, 4, 5, 6, 7, 8
""")
_INSERT_DAILY_SUMS = _DAILY.format(
    condition=sql.SQL("owner_id = ANY(%s) AND hour >= %s AND NOT is_correction AND (meter = 'platform') = %s")
)
_INSERT_CORRECTION_SUMS = _DAILY.format(condition=sql.SQL("is_correction"))


def replace_charges(
    month: BillingMonth,
    owner_ids: list[int],
    since: datetime,
    lines: Iterable[ChargeLine],
    *,
    fixed: bool = False,
) -> set[int]:
    """Replace the charges of owners from an hour on, and return the keys of the prices charged.

    Replaces charges of usage, or with `fixed` those of platform costs.
    """
    with connection.cursor() as cursor:
        cursor.execute(
            "DELETE FROM cost_charge WHERE billing_month_id = %s AND owner_id = ANY(%s) AND hour >= %s"
            " AND NOT is_correction AND (meter = 'platform') = %s",
            [month.pk, owner_ids, since, fixed],
        )
        prices: set[int] = set()
        with cursor.copy(_COPY_CHARGES) as copy:
            for line in lines:
                if line.price_id is not None:
                    prices.add(line.price_id)
                copy.write_row((month.pk, False, *line))
    _update_daily_sums(month, owner_ids, since, fixed)
    return prices


def _update_daily_sums(month: BillingMonth, owner_ids: list[int], since: datetime, fixed: bool) -> None:
    """Recompute the daily sums from the day of `since` on."""
    day = since.replace(hour=0)
    with connection.cursor() as cursor:
        cursor.execute(
            "DELETE FROM cost_chargeday WHERE billing_month_id = %s AND owner_id = ANY(%s) AND day >= %s"
            " AND NOT is_correction AND (meter = 'platform') = %s",
            [month.pk, owner_ids, day.date(), fixed],
        )
        cursor.execute(_INSERT_DAILY_SUMS, [month.pk, owner_ids, day, fixed])


def update_correction_sums(month: BillingMonth) -> None:
    """Recompute the daily sums of a month's corrections."""
    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM cost_chargeday WHERE billing_month_id = %s AND is_correction", [month.pk])
        cursor.execute(_INSERT_CORRECTION_SUMS, [month.pk])


def create_stage() -> None:
    """Create an empty temporary table, which lasts until the end of the transaction."""
    with connection.cursor() as cursor:
        cursor.execute("DROP TABLE IF EXISTS pg_temp.cost_staged")
        cursor.execute(_STAGE)


def stage_lines(lines: Iterable[ChargeLine]) -> None:
    """Add lines to the stage."""
    with connection.cursor() as cursor, cursor.copy(_COPY_STAGE) as copy:
        for line in lines:
            copy.write_row(line)


def staged_differences(month: BillingMonth, charged_in: list[int], limit: int) -> list[tuple[object, ...]]:
    """Return where the staged charges of a month differ from those charged for it in some months."""
    with connection.cursor() as cursor:
        cursor.execute(_DIFFERENCES + sql.SQL(" LIMIT %s"), [charged_in, month.since, month.until, limit])
        return list(cursor.fetchall())


def insert_corrections(month: BillingMonth, charged_in: list[int], target: BillingMonth) -> int:
    """Charge in `target` by how much a closed month's staged charges differ; return the number of rows.

    Replaces the corrections of that month which `target` already has.
    """
    span = [month.since, month.until]
    with connection.cursor() as cursor:
        cursor.execute(
            "DELETE FROM cost_charge"
            " WHERE billing_month_id = %s AND is_correction AND hour >= %s AND hour < %s",
            [target.pk, *span],
        )
        cursor.execute(_CORRECT, [target.pk, charged_in, *span])
        made: int = cursor.rowcount
    return made


def charged_quantities(month: BillingMonth, owner_id: int, before: datetime) -> dict[str, Decimal]:
    """Return the quantity charged to an owner in a month before an hour, by meter."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT meter, sum(quantity) FROM cost_charge WHERE billing_month_id = %s AND owner_id = %s"
            " AND hour < %s AND NOT is_correction GROUP BY meter",
            [month.pk, owner_id, before],
        )
        return dict(cursor.fetchall())


_QUANTITIES = sql.SQL(
    "SELECT owner_id, meter, sum(quantity) FROM {rows} AND meter <> 'platform' GROUP BY 1, 2"
)


def quantities_by_owner(month: BillingMonth) -> dict[int, dict[str, Decimal]]:
    """Return the quantities charged in a month, by owner and meter."""
    rows = sql.SQL("cost_chargeday WHERE billing_month_id = %s AND NOT is_correction")
    return _by_owner(_QUANTITIES.format(rows=rows), [month.pk])


def staged_quantities_by_owner() -> dict[int, dict[str, Decimal]]:
    """Return the staged quantities, by owner and meter."""
    return _by_owner(_QUANTITIES.format(rows=sql.SQL("cost_staged WHERE true")), [])


def _by_owner(statement: sql.Composed, values: list[int]) -> dict[int, dict[str, Decimal]]:
    found: dict[int, dict[str, Decimal]] = {}
    with connection.cursor() as cursor:
        cursor.execute(statement, values)
        for owner_id, meter, quantity in cursor.fetchall():
            found.setdefault(owner_id, {})[meter] = quantity
    return found
