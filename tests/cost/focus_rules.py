"""The rules of FOCUS 1.2 for a cost and usage dataset, for the columns that Tally writes.

Written from the specification, not from the export: names, presence, types, formats, nullability, allowed
values, and that quantity times unit price is cost. `examine` reads CSV and reports violations.
"""

import csv
import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from reports.cost.numbers import exactly

Row = Mapping[str, str]
_NUMBER = re.compile(r"-?[0-9]+(\.[0-9]+)?")
_TIME = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}Z")
_UNIT = re.compile(r"([1-9][0-9]* )?[A-Z][A-Za-z]*(-[A-Z][a-z]+)?")


def _is_time(text: str) -> bool:
    if not _TIME.fullmatch(text):
        return False
    try:
        datetime.strptime(text, "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=UTC)
    except ValueError:
        return False
    return True


def _is_tags(text: str) -> bool:
    try:
        found: Any = json.loads(text)
    except ValueError:
        return False
    return isinstance(found, dict) and all(
        isinstance(each, str | int | float | bool) for each in found.values()
    )


TYPES: Mapping[str, Callable[[str], bool]] = {
    "string": lambda text: text == text.strip(),
    "decimal": lambda text: bool(_NUMBER.fullmatch(text)),
    "integer": lambda text: bool(re.fullmatch(r"-?[0-9]+", text)),
    "time": _is_time,
    "currency": lambda text: bool(re.fullmatch("[A-Z]{3}", text)),
    "unit": lambda text: bool(_UNIT.fullmatch(text)),
    "tags": _is_tags,
}


def _always(_: Row) -> bool:
    return True


def _never(_: Row) -> bool:
    return False


def _is_charge(row: Row) -> bool:
    """True for usage or a purchase that isn't a correction."""
    return row["ChargeCategory"] in ("Usage", "Purchase") and row["ChargeClass"] != "Correction"


def _is_metered(row: Row) -> bool:
    return row["ChargeCategory"] == "Usage" and row["ChargeClass"] != "Correction"


def _is_no_usage(row: Row) -> bool:
    return row["ChargeCategory"] != "Usage"


def _is_measured(row: Row) -> bool:
    return bool(row["ConsumedQuantity"])


def _is_resource(row: Row) -> bool:
    return bool(row["ResourceId"])


@dataclass(frozen=True, slots=True)
class Rule:
    """The rule of a column: not null where `needed` is true, null where `barred` is true."""

    level: str  # mandatory, conditional or recommended; own: a custom column
    type: str
    needed: Callable[[Row], bool] = _never
    barred: Callable[[Row], bool] = _never
    allowed: frozenset[str] = frozenset()
    at_least: int | None = None


SERVICE_CATEGORIES = frozenset(
    (
        "AI and Machine Learning",
        "Analytics",
        "Business Applications",
        "Compute",
        "Databases",
        "Developer Tools",
        "Multicloud",
        "Identity",
        "Integration",
        "Internet of Things",
        "Management and Governance",
        "Media",
        "Migration",
        "Mobile",
        "Networking",
        "Security",
        "Storage",
        "Web",
        "Other",
    )
)
RULES: Mapping[str, Rule] = {
    "BilledCost": Rule("mandatory", "decimal", _always),
    "BillingAccountId": Rule("mandatory", "string", _always),
    "BillingAccountName": Rule("mandatory", "string", _always),
    "BillingCurrency": Rule("mandatory", "currency", _always),
    "BillingPeriodEnd": Rule("mandatory", "time", _always),
    "BillingPeriodStart": Rule("mandatory", "time", _always),
    "ChargeCategory": Rule(
        "mandatory",
        "string",
        _always,
        allowed=frozenset(("Usage", "Purchase", "Tax", "Credit", "Adjustment")),
    ),
    "ChargeClass": Rule("mandatory", "string", allowed=frozenset(("Correction",))),
    "ChargeDescription": Rule("mandatory", "string"),
    "ChargeFrequency": Rule(
        "recommended", "string", _always, allowed=frozenset(("One-Time", "Recurring", "Usage-Based"))
    ),
    "ChargePeriodEnd": Rule("mandatory", "time", _always),
    "ChargePeriodStart": Rule("mandatory", "time", _always),
    "ConsumedQuantity": Rule("conditional", "decimal", _is_metered, _is_no_usage),
    "ConsumedUnit": Rule("conditional", "unit", _is_measured, _is_no_usage),
    "ContractedCost": Rule("mandatory", "decimal", _always),
    "ContractedUnitPrice": Rule("conditional", "decimal", _is_charge, at_least=0),
    "EffectiveCost": Rule("mandatory", "decimal", _always),
    "InvoiceId": Rule("recommended", "string"),
    "InvoiceIssuerName": Rule("mandatory", "string", _always),
    "ListCost": Rule("mandatory", "decimal", _always),
    "ListUnitPrice": Rule("conditional", "decimal", _is_charge, at_least=0),
    "PricingCategory": Rule(
        "conditional",
        "string",
        _is_charge,
        allowed=frozenset(("Standard", "Dynamic", "Committed", "Other")),
    ),
    "PricingQuantity": Rule("mandatory", "decimal", _is_charge),
    "PricingUnit": Rule("mandatory", "unit", lambda row: bool(row["PricingQuantity"])),
    "ProviderName": Rule("mandatory", "string", _always),
    "PublisherName": Rule("mandatory", "string", _always),
    "ResourceId": Rule("conditional", "string"),
    "ResourceName": Rule("conditional", "string", _is_resource, lambda row: not _is_resource(row)),
    "ResourceType": Rule("conditional", "string", _is_resource, lambda row: not _is_resource(row)),
    "ServiceCategory": Rule("mandatory", "string", _always, allowed=SERVICE_CATEGORIES),
    "ServiceName": Rule("mandatory", "string", _always),
    "ServiceSubcategory": Rule("recommended", "string", _always),
    "SkuId": Rule("conditional", "string", _is_charge),
    "SkuMeter": Rule("conditional", "string"),
    "SkuPriceDetails": Rule("conditional", "tags"),
    "SkuPriceId": Rule("conditional", "string", _is_charge),
    "SubAccountId": Rule("conditional", "string"),
    "SubAccountName": Rule("conditional", "string", lambda row: bool(row["SubAccountId"])),
    "Tags": Rule("conditional", "tags"),
}
_PRODUCTS = (("ListUnitPrice", "ListCost"), ("ContractedUnitPrice", "ContractedCost"))


def examine(lines: Iterable[str]) -> Iterator[str]:
    """Yield a sentence for each violation."""
    reader = csv.DictReader(lines)
    names = list(reader.fieldnames or ())
    yield from _head(names)
    if not RULES.keys() <= set(names):
        return
    for number, row in enumerate(reader, start=2):
        for complaint in (*_fields(row), *_whole(row)):
            yield f"line {number}: {complaint}"


def _head(names: list[str]) -> Iterator[str]:
    for name, rule in RULES.items():
        if name not in names:
            yield f"{name} is missing, which is {rule.level}"
    for name in names:
        if name not in RULES and not name.startswith("x_"):
            yield f"{name} is no column of FOCUS, and has no x_ before it"
        if names.count(name) > 1:
            yield f"{name} is there twice"


def _fields(row: Row) -> Iterator[str]:
    for name, rule in RULES.items():
        text = row[name]
        if not text:
            if rule.needed(row):
                yield f"{name} must not be null"
            continue
        if rule.barred(row):
            yield f"{name} must be null"
        if not TYPES[rule.type](text):
            yield f"{name} is no {rule.type}: {text!r}"
        elif rule.at_least is not None and Decimal(text) < rule.at_least:
            yield f"{name} is less than {rule.at_least}: {text}"
        if rule.allowed and text not in rule.allowed:
            yield f"{name} may not be {text!r}"


def _whole(row: Row) -> Iterator[str]:
    for begin, end in (("ChargePeriodStart", "ChargePeriodEnd"), ("BillingPeriodStart", "BillingPeriodEnd")):
        if row[begin] >= row[end]:
            yield f"{end} is not after {begin}"
    inside = row["BillingPeriodStart"] <= row["ChargePeriodStart"] < row["BillingPeriodEnd"]
    if not inside and row["ChargeClass"] != "Correction":
        yield "a charge of another billing period must be a correction"
    if row["ChargeCategory"] == "Purchase" and row["ChargeFrequency"] == "Usage-Based":
        yield "a purchase is not usage-based"
    for price, cost in _PRODUCTS:
        numbers = (row[price], row["PricingQuantity"], row[cost])
        if all(_NUMBER.fullmatch(each) for each in numbers) and row["ChargeClass"] != "Correction":
            with exactly():
                if Decimal(numbers[0]) * Decimal(numbers[1]) != Decimal(numbers[2]):
                    yield f"{price} times PricingQuantity is not {cost}"
