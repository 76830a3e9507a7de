"""Writing charges: lines into the tables, their daily sums, and what differs from what was charged."""

from collections.abc import Iterable
from datetime import datetime
from decimal import Decimal

from django.db import connection

from reports.cost.charges import BillingMonth
from reports.cost.charging.charge_lines import Line

_LINE = ", ".join(Line._fields)
_STAGE = """
CREATE TEMPORARY TABLE cost_staged (
    owner_id bigint, hour timestamptz, source_id bigint, kind text, dialect text, meter text, tier smallint,
    price_id bigint, label text, consumed numeric, quantity numeric, list_unit_price numeric,
    unit_price numeric, list_cost numeric, cost numeric, wire_bytes bigint, hours smallint
) ON COMMIT DROP
"""
# What a charge is about: tiers of usage are one, fixed costs are told apart by theirs.
_KEYS = "owner_id, hour, coalesce(source_id, 0) AS source, kind, dialect, meter"
_KEY_NAMES = "owner_id, hour, source, kind, dialect, meter, tier"
_SUMS = """CASE meter WHEN 'platform' THEN tier ELSE 0 END AS tier, max(label) AS label,
    max(price_id) AS price_id, sum(consumed) AS consumed, sum(quantity) AS quantity,
    sum(list_cost) AS list_cost, sum(cost) AS cost, sum(wire_bytes) AS wire_bytes,
    max(hours) AS hours"""

# By hour, what a computation made otherwise than it was charged, and by how much.
_DIFFERENCES = f"""
WITH computed AS (SELECT {_KEYS}, {_SUMS} FROM cost_staged GROUP BY 1, 2, 3, 4, 5, 6, 7),
charged AS (
    SELECT {_KEYS}, {_SUMS} FROM cost_charge
    WHERE billing_month_id = ANY(%s) AND hour >= %s AND hour < %s GROUP BY 1, 2, 3, 4, 5, 6, 7
), difference AS (
    SELECT {_KEY_NAMES}, coalesce(n.label, w.label, '') AS label,
        coalesce(n.price_id, w.price_id) AS price_id,
        coalesce(n.consumed, 0) - coalesce(w.consumed, 0) AS consumed,
        coalesce(n.quantity, 0) - coalesce(w.quantity, 0) AS quantity,
        coalesce(n.list_cost, 0) - coalesce(w.list_cost, 0) AS list_cost,
        coalesce(n.cost, 0) - coalesce(w.cost, 0) AS cost,
        (coalesce(n.wire_bytes, 0) - coalesce(w.wire_bytes, 0))::bigint AS wire_bytes,
        coalesce(n.hours, w.hours) AS hours
    FROM computed n FULL JOIN charged w USING ({_KEY_NAMES})
)
SELECT * FROM difference
WHERE (consumed, quantity, list_cost, cost, wire_bytes) IS DISTINCT FROM (0, 0, 0, 0, 0)
"""  # noqa: S608  (made of the texts above)

_CORRECT = f"""
INSERT INTO cost_charge (billing_month_id, is_correction, owner_id, hour, source_id, kind, dialect, meter,
    tier, label, price_id, consumed, quantity, list_cost, cost, wire_bytes, hours)
SELECT %s, true, owner_id, hour, nullif(source, 0), kind, dialect, meter, tier, label, price_id,
    consumed, quantity, list_cost, cost, wire_bytes, hours FROM ({_DIFFERENCES}) found
"""  # noqa: S608  (as above)

# In the order of the index, so that what is read together lies together.
_DAILY = """
INSERT INTO cost_chargeday (billing_month_id, owner_id, day, source_id, kind, dialect, meter, is_correction,
    consumed, quantity, list_cost, cost, wire_bytes)
SELECT billing_month_id, owner_id, (hour AT TIME ZONE 'UTC')::date, source_id, kind, dialect, meter,
    is_correction, sum(consumed), sum(quantity), sum(list_cost), sum(cost), sum(wire_bytes)
FROM cost_charge WHERE billing_month_id = %s AND {condition}
GROUP BY 1, 2, 3, 4, 5, 6, 7, 8 ORDER BY 1, 2, 3, 4, 5, 6, 7, 8
"""
_SUM_UP = _DAILY.format(
    condition="owner_id = ANY(%s) AND hour >= %s AND NOT is_correction AND (meter = 'platform') = %s"
)
_SUM_UP_CORRECTIONS = _DAILY.format(condition="is_correction")


def replace(
    month: BillingMonth, owner_ids: list[int], since: datetime, lines: Iterable[Line], *, fixed: bool = False
) -> set[int]:
    """Put lines in the place of the charges of owners from an hour on; the keys of the prices they bear.

    Those of usage, or those of fixed costs.
    """
    with connection.cursor() as cursor:
        cursor.execute(
            "DELETE FROM cost_charge WHERE billing_month_id = %s AND owner_id = ANY(%s) AND hour >= %s"
            " AND NOT is_correction AND (meter = 'platform') = %s",
            [month.pk, owner_ids, since, fixed],
        )
        prices: set[int] = set()
        with cursor.copy(f"COPY cost_charge (billing_month_id, is_correction, {_LINE}) FROM STDIN") as copy:
            for line in lines:
                if line.price_id is not None:
                    prices.add(line.price_id)
                copy.write_row((month.pk, False, *line))
    _sum_up(month, owner_ids, since, fixed)
    return prices


def _sum_up(month: BillingMonth, owner_ids: list[int], since: datetime, fixed: bool) -> None:
    """Make the daily sums of the days from that of `since` on."""
    day = since.replace(hour=0)
    with connection.cursor() as cursor:
        cursor.execute(
            "DELETE FROM cost_chargeday WHERE billing_month_id = %s AND owner_id = ANY(%s) AND day >= %s"
            " AND NOT is_correction AND (meter = 'platform') = %s",
            [month.pk, owner_ids, day.date(), fixed],
        )
        cursor.execute(_SUM_UP, [month.pk, owner_ids, day, fixed])


def sum_up_corrections(month: BillingMonth) -> None:
    """Make the daily sums of the corrections that a month bears."""
    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM cost_chargeday WHERE billing_month_id = %s AND is_correction", [month.pk])
        cursor.execute(_SUM_UP_CORRECTIONS, [month.pk])


def clear_stage() -> None:
    """Make a table of this transaction, empty, for `stage`, `differences` and `correct`."""
    with connection.cursor() as cursor:
        cursor.execute("DROP TABLE IF EXISTS pg_temp.cost_staged")
        cursor.execute(_STAGE)


def stage(lines: Iterable[Line]) -> None:
    """Put lines there."""
    with connection.cursor() as cursor, cursor.copy(f"COPY cost_staged ({_LINE}) FROM STDIN") as copy:
        for line in lines:
            copy.write_row(line)


def differences(month: BillingMonth, charged_in: list[int], limit: int) -> list[tuple[object, ...]]:
    """Where what is staged for a month differs from what was charged for it in some months."""
    with connection.cursor() as cursor:
        cursor.execute(f"{_DIFFERENCES} LIMIT %s", [charged_in, month.since, month.until, limit])
        return list(cursor.fetchall())


def correct(month: BillingMonth, charged_in: list[int], target: BillingMonth) -> int:
    """Charge in `target` what is staged for a closed month beyond what was charged for it; how many rows.

    Takes the place of the corrections of that month which `target` has.
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


def quantities(month: BillingMonth, owner_id: int, before: datetime) -> dict[str, Decimal]:
    """What an owner was charged of each meter in the month before an hour."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT meter, sum(quantity) FROM cost_charge WHERE billing_month_id = %s AND owner_id = %s"
            " AND hour < %s AND NOT is_correction GROUP BY meter",
            [month.pk, owner_id, before],
        )
        return dict(cursor.fetchall())


_SHARES = "SELECT owner_id, meter, sum(quantity) FROM {rows} AND meter <> 'platform' GROUP BY 1, 2"


def shares(month: BillingMonth) -> dict[int, dict[str, Decimal]]:
    """What each owner used of each meter in a month, as charged."""
    rows = "cost_chargeday WHERE billing_month_id = %s AND NOT is_correction"
    return _by_owner(_SHARES.format(rows=rows), [month.pk])


def staged_shares() -> dict[int, dict[str, Decimal]]:
    """What each owner used of each meter, as staged."""
    return _by_owner(_SHARES.format(rows="cost_staged WHERE true"), [])


def _by_owner(statement: str, values: list[int]) -> dict[int, dict[str, Decimal]]:
    found: dict[int, dict[str, Decimal]] = {}
    with connection.cursor() as cursor:
        cursor.execute(statement, values)
        for owner_id, meter, quantity in cursor.fetchall():
            found.setdefault(owner_id, {})[meter] = quantity
    return found
