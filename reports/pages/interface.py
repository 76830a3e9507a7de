"""Interface actions: what users do where, for which customers and payers, and how much of it goes wrong."""

from datetime import datetime
from functools import partial

from reports.charts import palette
from reports.charts.numbers import SHARE, change, count
from reports.charts.table import Column, Row, Table
from reports.charts.time_chart import Series, TimeChart, buckets_of, top_and_rest
from reports.figures.interface import KEYS, Interface, Part, Parts, interface
from reports.filters import Filters
from reports.pages.beside import before_of
from reports.pages.kind_links import of_kind
from reports.pages.links import within
from reports.pages.page import ALL_FILTERS, Context, Page
from reports.pages.report import Attention, Block, Control, Empty, Figure, Report
from reports.pages.words import of_period, plural, than

ACTIONS = count("actions")
ENOUGH = 10  # actions from which on a share of errors tells something
BAD = 0.05  # a share of errors that wants attention
UNTOLD = "(none)"
NO_LEVEL = "(no level)"
REST = "other levels"
COLUMNS = {"customer": "customer_id", "payer": "payer_id"}  # of the list, where it has another name
SPELT = ("debug", "info", "warn", "error")  # levels that the list has in one spelling
TITLES = {
    "category": "Category",
    "label": "Label",
    "action": "Action",
    "customer": "Customer",
    "payer": "Payer",
}


def build(filters: Filters, context: Context) -> Report:
    """The report."""
    narrowed = {name: value for name in KEYS if (value := context.first(name))}
    found = interface(filters, context.now, narrowed)
    return Report(
        answer=_answer(found, filters, context),
        figures=tuple(_figures(found, filters, narrowed)),
        attention=tuple(_attention(found, context)),
        blocks=(
            _levels(found, filters, context, narrowed),
            _elements(found, filters, context, narrowed),
            _by("customer", found.customers, filters, context, narrowed),
            _by("payer", found.payers, filters, context, narrowed),
        ),
        controls=tuple(
            Control(name, name.capitalize(), narrowed.get(name, ""), hint="any")
            for name in KEYS
            if name in narrowed or name in ("category", "customer")
        ),
        note="Availity's messages have no time of their own: they count when they were received.",
        empty=None if found.actions else _empty(),
    )


def _empty() -> Empty:
    return Empty(
        "No actions",
        "Messages of Availity's telemetry appear here. Choose a longer period, or lift a filter.",
    )


def _answer(found: Interface, filters: Filters, context: Context) -> str:
    when = of_period(filters.period, context.now)
    if not found.actions:
        return f"Nobody did anything {when}."
    said = f"{plural(found.actions, 'action')} {when}"
    said += than(found.actions, found.actions_before, context.compared)
    return f"{said}; {_errors_said(found)}."


def _errors_said(found: Interface) -> str:
    if not found.errors:
        return "none of them ended in an error"
    verb = "was" if found.errors == 1 else "were"
    return f"{SHARE.short(found.error_share or 0)} of them {verb} reported as errors"


def _figures(found: Interface, filters: Filters, narrowed: dict[str, str]) -> list[Figure]:
    errors_before = found.levels_before.get("error", 0) if found.levels_before is not None else None
    warnings = found.levels.get("warn", 0)
    level = {"level": "error"} if "level" not in narrowed else {}
    return [
        Figure(
            "Actions",
            found.actions,
            ACTIONS,
            change(found.actions, found.actions_before),
            spark=found.total,
            href=_behind(filters, narrowed),
        ),
        Figure(
            "Errors",
            found.errors,
            ACTIONS,
            change(found.errors, errors_before, more_is="bad"),
            spark=found.by_level.get("error", ()),
            note=f"{SHARE.short(found.error_share)} of all" if found.error_share is not None else "",
            tone="bad" if (found.error_share or 0) > BAD else "",
            href=_behind(filters, {**narrowed, **level}),
        ),
        Figure(
            "Warnings",
            warnings,
            ACTIONS,
            change(warnings, found.levels_before.get("warn", 0), more_is="bad")
            if found.levels_before is not None
            else None,
            spark=found.by_level.get("warn", ()),
            href=_behind(filters, {**narrowed, "level": "warn"}),
        ),
        Figure(
            "Customers",
            sum(1 for each in found.customers.rows if each.keys[0] not in ("", "0000")),
            count("customers"),
            note=f"{plural(sum(1 for each in found.payers.rows if each.keys[0]), 'payer')}",
            href="#customers",
        ),
    ]


def _attention(found: Interface, context: Context) -> list[Attention]:
    """Elements that go wrong often, the worst first."""
    bad = [each for each in found.elements.rows if each.actions >= ENOUGH and (each.error_share or 0) > BAD]
    bad.sort(key=lambda each: -each.errors)
    return [
        Attention(
            f"{plural(each.errors, 'error')} at {_said(each)}: "
            f"{SHARE.short(each.error_share or 0)} of {plural(each.actions, 'action')}.",
            context.links.here(**_keys_of(each)),
            "Narrow to it",
        )
        for each in bad[:3]
    ]


def _said(each: Part) -> str:
    category, label, action = each.keys
    return f"{action or UNTOLD} on “{label or UNTOLD}” in {category or UNTOLD}"


def _keys_of(each: Part) -> dict[str, str]:
    return {
        name: value for name, value in zip(("category", "label", "action"), each.keys, strict=True) if value
    }


def _levels(found: Interface, filters: Filters, context: Context, narrowed: dict[str, str]) -> Block:
    order = {name: place for place, name in enumerate(("error", "warn", "info", "debug"))}
    named = [(level or NO_LEVEL, values) for level, values in found.by_level.items()]
    kept = top_and_rest(named, REST)
    kept.sort(key=lambda each: order.get(each[0], len(order)))
    hues = palette.of_levels([name for name, _ in kept])
    series = tuple(
        Series(
            name,
            values,
            hues[name],
            ("level", name) if name not in (REST, NO_LEVEL) else None,
            behind=partial(_level_behind, filters, {**narrowed, "level": name})
            if name not in (REST, NO_LEVEL)
            else None,
        )
        for name, values in reversed(kept)
    )
    sentence = "; ".join(f"{level or NO_LEVEL}: {times:,}" for level, times in list(found.levels.items())[:4])
    sentence = f"{sentence}." if sentence else ""
    buckets = buckets_of(filters.period, filters.granularity, context.now, context.links.days)
    chart = TimeChart(
        f"Actions over time, by level of the message. {sentence}", filters.period, buckets, series, ACTIONS
    )
    return Block("levels", "Levels over time", sentence, chart)


def _level_behind(filters: Filters, keys: dict[str, str], since: datetime, until: datetime) -> str:
    """The messages of a level in a stretch of time."""
    return _behind(filters, {**keys, **within(since, until)})


def _elements(found: Interface, filters: Filters, context: Context, narrowed: dict[str, str]) -> Block:
    names = ("category", "label", "action")
    columns = (
        *(Column(name, TITLES[name]) for name in names),
        *_measures(before_of(ACTIONS, filters, context)),
    )
    rows = []
    for each in found.elements.rows:
        keys = _keys_of(each)
        cells = (*(key or UNTOLD for key in each.keys), *_cells(each, with_before=bool(filters.compare)))
        hrefs = {name: context.links.here(**{name: keys[name]}) for name in names[1:] if name in keys}
        rows.append(
            _row(
                cells,
                each,
                filters,
                narrowed | keys,
                hrefs,
                context.links.here(category=keys["category"]) if "category" in keys else "",
            )
        )
    sentence = ""
    if found.elements.rows:
        most = found.elements.rows[0]
        sentence = f"Most often: {_said(most)}, {SHARE.short(most.actions / found.actions)} of all."
    return Block(
        "elements",
        "Category, label and action",
        sentence,
        table=Table(columns, tuple(rows)),
        note=_cut(found.elements),
    )


def _by(name: str, parts: Parts, filters: Filters, context: Context, narrowed: dict[str, str]) -> Block:
    columns = (Column(name, TITLES[name]), *_measures())
    rows = tuple(
        _row(
            (each.keys[0] or UNTOLD, *_cells(each)),
            each,
            filters,
            narrowed | ({name: each.keys[0]} if each.keys[0] else {}),
            {},
            context.links.here(**{name: each.keys[0]}) if each.keys[0] else "",
        )
        for each in parts.rows
    )
    note = "0000 is what clients send before a customer is known." if name == "customer" else ""
    note = f"{note} {_cut(parts)}".strip()
    return Block(f"{name}s", f"By {name}", table=Table(columns, rows), note=note, is_half=True)


def _measures(compared: tuple[Column, ...] = ()) -> tuple[Column, ...]:
    return (
        Column("actions", "Actions", ACTIONS, has_bar=True),
        *compared,
        Column("errors", "Errors", ACTIONS),
        Column("error_share", "Error share", SHARE),
    )


def _cells(each: Part, *, with_before: bool = False) -> tuple[int | float | None, ...]:
    before = (each.before,) if with_before else ()
    return (each.actions, *before, each.errors, each.error_share)


def _row(
    cells: tuple[object, ...],
    each: Part,
    filters: Filters,
    keys: dict[str, str],
    hrefs: dict[str, str],
    href: str,
) -> Row:
    """A row whose numbers lead to the messages behind them, where all that tells them apart is known."""
    behind = {}
    if UNTOLD not in cells:
        behind = {
            "actions": _behind(filters, keys),
            "errors": _behind(filters, {**keys, "level": "error"}) if each.errors else "",
        }
    bad = each.actions >= ENOUGH and (each.error_share or 0) > BAD
    return Row(cells, href=href, hrefs=hrefs | behind, tones={"error_share": "bad"} if bad else {})


def _behind(filters: Filters, keys: dict[str, str]) -> str:
    """The list of the messages that have some keys."""
    names = COLUMNS | ({"level": "severity"} if keys.get("level") in SPELT else {})
    return of_kind("ui_action", filters, **{names.get(name, name): value for name, value in keys.items()})


def _cut(parts: Parts) -> str:
    return f"The first {len(parts.rows):,} of {parts.of:,}." if parts.of > len(parts.rows) else ""


# Its messages name no version of their source.
PAGE = Page(
    "interface",
    "Interface actions",
    "touch_app",
    build,
    filters=tuple(name for name in ALL_FILTERS if name not in ("kind", "version")),
    own=KEYS,
)
