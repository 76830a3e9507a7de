"""The FOCUS export follows the specification for usage, fixed costs and corrections."""

import csv
import io
from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command

from events.accounts import audit
from events.spreadsheets.files import content
from reports.cost import focus
from reports.cost.charges import Charge
from reports.cost.charging import closing
from reports.cost.charging.updating import update_charges
from reports.cost.numbers import sum_of
from reports.cost.plans import Discount, Method, PlatformCost
from tests.cost import focus_rules
from tests.cost.ledgers import assign, at, organization, owner, plan, price, total, use
from tests.spreadsheets.reading import MARK, read_by_all

SEPTEMBER, OCTOBER = date(2026, 9, 1), date(2026, 10, 1)


@pytest.fixture
def charges(db: None) -> None:
    """Two months of charges: tiers, a discount, a fixed cost, free and unpriced usage, a correction."""
    a, b = owner('A, "the" first'), owner("=B")
    standard = plan(prices={"stored": "0.1"})
    price(standard, "events", "2", since=at(1, month=1), above_1="1.333")
    assign(standard)
    Discount.objects.create(owner=a, percent=Decimal("12.345"), valid_from=at(1))
    PlatformCost.objects.create(
        name="Hosting", amount=Decimal("99.99"), method=Method.EVENLY, first_month=SEPTEMBER
    )
    use(a, at(1), stored=3_456_789, duplicates=2, billed_bytes=123_456_789, wire_bytes=5)
    use(b, at(30, 22), by="(unknown)", kind="", rejected=3)
    use(b, at(30, 23), stored=7, billed_bytes=1, wire_bytes=1)
    closing.close(organization(), SEPTEMBER, audit.command("test"), at(1, month=10))
    use(b, at(30, 23), stored=70, billed_bytes=100)
    update_charges(a.organization_id, at(1, 2, month=10))


def exported(month: date) -> list[str]:
    """Return the lines of an export."""
    file = content(focus.sheet(focus.charges_of(month), month, "csv"), "csv")
    assert file.startswith(MARK)
    return file.decode("utf-8-sig").splitlines(keepends=True)


@pytest.mark.parametrize("month", [SEPTEMBER, OCTOBER])
def test_an_export_follows_the_rules(charges: None, month: date) -> None:
    lines = exported(month)
    assert len(lines) > 10
    assert list(focus_rules.examine(lines)) == []


def test_an_export_has_every_charge_and_the_total_cost(charges: None) -> None:
    for month in (SEPTEMBER, OCTOBER):
        found = list(csv.DictReader(exported(month)))
        assert len(found) == Charge.objects.filter(billing_month__month=month).count()
        billed = sum_of(Decimal(row["BilledCost"]) for row in found)
        assert billed == total(billing_month__month=month) > 0


def test_columns_have_the_expected_values(charges: None) -> None:
    rows = list(csv.DictReader(exported(SEPTEMBER)))
    first = next(row for row in rows if row["SkuPriceId"] == "SKU-events-T2")
    assert first["PricingQuantity"] == "2.456789"
    assert first["ConsumedQuantity"] == "2456789"
    assert first["ListUnitPrice"] == "1.3330"  # four decimals, so that it can't be read as 1333
    assert first["ContractedUnitPrice"] == "1.16844115"
    assert (first["SubAccountName"], first["ResourceName"]) == ('A, "the" first', "portal")
    assert first["ChargePeriodEnd"] == "2026-09-01T01:00:00Z"
    fixed = next(row for row in rows if row["ChargeCategory"] == "Purchase")
    assert (fixed["ChargeFrequency"], fixed["ConsumedQuantity"], fixed["ResourceId"]) == ("Recurring", "", "")
    assert fixed["ChargeDescription"] == "Hosting, shared evenly"
    assert fixed["ChargePeriodEnd"] == "2026-10-01T00:00:00Z"
    later = [row for row in csv.DictReader(exported(OCTOBER)) if row["ChargeClass"] == "Correction"]
    of_events = next(row for row in later if row["SkuMeter"] == "Events")
    assert (of_events["ConsumedQuantity"], of_events["ChargePeriodStart"]) == ("70", "2026-09-30T23:00:00Z")
    assert (of_events["BillingPeriodStart"], of_events["SkuPriceId"]) == ("2026-10-01T00:00:00Z", "")


def test_names_are_never_formulas(charges: None) -> None:
    found = {row["SubAccountName"] for row in csv.DictReader(exported(SEPTEMBER))}
    assert found == {'A, "the" first', "'=B"}


def test_xlsx_has_the_same_charges_with_typed_values(charges: None, tmp_path: Path) -> None:
    file = tmp_path / "september.xlsx"
    call_command("export_focus", month="2026-09", output=str(file))
    head, *rows = read_by_all(file.read_bytes(), "xlsx")
    names = [name.removesuffix(" (UTC)") for name in head]
    assert names == [column.name for column in focus.COLUMNS]
    found = [dict(zip(names, row, strict=True)) for row in rows]
    expected = list(csv.DictReader(exported(SEPTEMBER)))
    assert [row["SubAccountName"] for row in found] == [row["SubAccountName"].lstrip("'") for row in expected]
    assert [row["BilledCost"] for row in found] == pytest.approx(
        [float(row["BilledCost"]) for row in expected]
    )
    assert {f"{row['ChargePeriodStart']:%Y-%m-%dT%H:%M:%SZ}" for row in found} == {
        row["ChargePeriodStart"] for row in expected
    }


BROKEN = (
    ("BilledCost", "", "BilledCost must not be null"),
    ("BilledCost", "1e-7", "BilledCost is no decimal"),
    ("BillingCurrency", "eur", "BillingCurrency is no currency"),
    ("ChargeCategory", "Fee", "ChargeCategory may not be 'Fee'"),
    ("ChargePeriodStart", "2026-09-01 00:00:00", "ChargePeriodStart is no time"),
    ("ConsumedQuantity", "", "ConsumedQuantity must not be null"),
    ("ContractedUnitPrice", "-1", "ContractedUnitPrice is less than 0"),
    ("ListCost", "12", "ListUnitPrice times PricingQuantity is not ListCost"),
    ("PricingUnit", "gb", "PricingUnit is no unit"),
    ("ResourceName", "", "ResourceName must not be null"),
    ("ServiceCategory", "Telemetry", "ServiceCategory may not be"),
    ("SkuPriceId", "", "SkuPriceId must not be null"),
    ("Tags", "{", "Tags is no tags"),
    ("BillingPeriodEnd", "2026-09-01T00:00:00Z", "BillingPeriodEnd is not after BillingPeriodStart"),
    ("BillingPeriodStart", "2026-09-02T00:00:00Z", "must be a correction"),
)


@pytest.mark.parametrize(("column", "value", "complaint"), BROKEN)
def test_the_rules_detect_violations(charges: None, column: str, value: str, complaint: str) -> None:
    rows = csv.DictReader(exported(SEPTEMBER))
    row = next(row for row in rows if row["SkuPriceId"] == "SKU-events-T2")
    text = io.StringIO()
    writer = csv.DictWriter(text, row)
    writer.writeheader()
    writer.writerow(row | {column: value})
    assert any(complaint in each for each in focus_rules.examine(text.getvalue().splitlines()))


def test_the_rules_require_every_column_once_and_no_unknown_one() -> None:
    found = list(focus_rules.examine(["BilledCost,BilledCost,Owner,x_Dialect\r\n"]))
    assert "ListCost is missing, which is mandatory" in found
    assert "BilledCost is there twice" in found
    assert any(each.startswith("Owner is no column") for each in found)
    assert not any("x_Dialect" in each for each in found)


def test_the_command_writes_a_month(charges: None, tmp_path: Path) -> None:
    file = tmp_path / "september.csv"
    call_command("export_focus", month="2026-09", organization="acme", output=str(file))
    assert file.read_bytes().decode("utf-8-sig") == "".join(exported(SEPTEMBER))
    with pytest.raises(CommandError, match=r"must end in .csv or .xlsx"):
        call_command("export_focus", month="2026-09", output=str(tmp_path / "september.ods"))
    with pytest.raises(CommandError, match="Write a month like 2026-09"):
        call_command("export_focus", month="September")
    with pytest.raises(CommandError, match="no organization nobody"):
        call_command("export_focus", month="2026-09", organization="nobody")
