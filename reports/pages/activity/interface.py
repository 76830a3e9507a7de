"""Interface actions: what users do where, for which customers and payers, and how often it fails."""

from collections.abc import Mapping, Sequence

from reports.charts import palette
from reports.charts.numbers import SHARE, count
from reports.filters import Filters
from reports.pages.links import of_kind
from reports.pages.page import ALL_FILTERS, Context, Page
from reports.pages.report import Attention, Control, Empty, Figure, Report
from reports.pages.sections import UNNAMED, Alarm, Breakdown, Headlines, OverTime, PageData
from reports.pages.words import of_period, plural, than
from reports.query.datasets import INTERFACE
from reports.query.query import Answer, Line, Row

KEYS = ("category", "label", "action", "customer", "payer", "level")  # available filters
HEADLINES = ("actions", "errors", "warnings", "error_share")
NO_LEVEL = "(no level)"
COLUMNS = {"customer": "customer_id", "payer": "payer_id"}  # of the list, where it has another name
SPELT = ("debug", "info", "warn", "error")  # levels that the list has in one spelling
BAD = Alarm("error_share", above=0.05, of="actions", enough=10)


def _list_of(_: str, filters: Filters, keys: Mapping[str, str]) -> str:
    names = COLUMNS | ({"level": "severity"} if keys.get("level") in SPELT else {})
    return of_kind("ui_action", filters, **{names.get(name, name): value for name, value in keys.items()})


def _most_frequent(_: PageData, found: Answer) -> str:
    if not found.rows:
        return ""
    most, actions = found.rows[0], found.sum("actions")
    return f"Most often: {_element(most)}, {SHARE.short(most.count('actions') / actions)} of all."


def _element(row: Row) -> str:
    category, label, action = (key or UNNAMED for key in row.keys)
    return f"{action} on “{label}” in {category}"


def _by_level(_: PageData, found: Sequence[Line]) -> str:
    sums = [(line.key or NO_LEVEL, sum(each or 0 for each in line.values["actions"])) for line in found[:4]]
    return f"{'; '.join(f'{level}: {times:,}' for level, times in sums)}." if sums else ""


MEASURES = ("actions", "errors", "error_share")
LEVELS = OverTime(
    name="levels",
    title="Levels over time",
    alt="Actions over time, by level of the message.",
    metric="actions",
    by="level",
    hues=palette.of_levels,
    order=("error", "warn", "info", "debug"),
    rest="other levels",
    unnamed=NO_LEVEL,
    sentence=_by_level,
)
ELEMENTS = Breakdown(
    name="elements",
    title="Category, label and action",
    by=("category", "label", "action"),
    metrics=MEASURES,
    compared="actions",
    alarm=BAD,
    sentence=_most_frequent,
)
CUSTOMERS = Breakdown(
    name="customers",
    title="By customer",
    by=("customer",),
    metrics=MEASURES,
    alarm=BAD,
    note="Clients send 0000 before they know the customer.",
    is_half=True,
)
PAYERS = Breakdown(name="payers", title="By payer", by=("payer",), metrics=MEASURES, alarm=BAD, is_half=True)


def build(filters: Filters, context: Context) -> Report:
    """Build the report."""
    narrowed = {name: value for name in KEYS if (value := context.first(name))}
    data = PageData(INTERFACE, filters, context, _list_of, narrowed)
    top = Headlines.of(data, HEADLINES)
    elements, customers, payers = (each.answer(data) for each in (ELEMENTS, CUSTOMERS, PAYERS))
    return Report(
        answer=_answer(top),
        figures=tuple(_figures(top, customers, payers)),
        attention=tuple(_attention(elements, context)),
        blocks=(
            LEVELS.block(data, LEVELS.answer(data)),
            ELEMENTS.block(data, elements),
            CUSTOMERS.block(data, customers),
            PAYERS.block(data, payers),
        ),
        controls=tuple(
            Control(name, name.capitalize(), narrowed.get(name, ""), hint="any")
            for name in KEYS
            if name in narrowed or name in ("category", "customer")
        ),
        note="Availity's messages have no time of their own, so they count when they were received.",
        empty=None
        if top.total.count("actions")
        else Empty(
            "No actions",
            "Messages from Availity's clients appear here. Choose a longer period, or remove a filter.",
        ),
    )


def _answer(top: Headlines) -> str:
    when = of_period(top.data.filters.period, top.data.context.now)
    actions, errors = top.total.count("actions"), top.total.count("errors")
    if not actions:
        return f"Nobody did anything {when}."
    said = f"{plural(actions, 'action')} {when}"
    said += than(actions, top.total.earlier("actions"), top.data.context.compared)
    if not errors:
        return f"{said}; none of them ended in an error."
    verb = "was" if errors == 1 else "were"
    return f"{said}; {SHARE.short(errors / actions)} of them {verb} reported as errors."


def _figures(top: Headlines, customers: Answer, payers: Answer) -> list[Figure]:
    share = top.total.number("error_share")
    return [
        top.figure("Actions", "actions"),
        top.figure(
            "Errors",
            "errors",
            more_is="bad",
            note=f"{SHARE.short(share)} of all" if share is not None else "",
            tone="bad" if (share or 0) > (BAD.above or 0) else "",
        ),
        top.figure("Warnings", "warnings", more_is="bad"),
        Figure(
            "Customers",
            sum(row.keys[0] not in ("", "0000") for row in customers.rows),
            count("customers"),
            note=plural(sum(row.keys[0] != "" for row in payers.rows), "payer"),
            href="#customers",
        ),
    ]


def _attention(elements: Answer, context: Context) -> list[Attention]:
    """Return the elements that fail often, worst first."""
    bad = sorted((row for row in elements.rows if BAD.rings(row)), key=lambda row: -row.count("errors"))
    return [
        Attention(
            f"{plural(row.count('errors'), 'error')} at {_element(row)}:"
            f" {SHARE.short(row.number('error_share') or 0)} of {plural(row.count('actions'), 'action')}.",
            context.links.here(**{name: key for name, key in zip(ELEMENTS.by, row.keys, strict=True) if key}),
            "Narrow to it",
        )
        for row in bad[:3]
    ]


# Its messages have no version of their source.
PAGE = Page(
    "interface",
    "Interface actions",
    "touch_app",
    build,
    filters=tuple(name for name in ALL_FILTERS if name not in ("kind", "version")),
    own=KEYS,
)
