"""Generates the pages about settings, commands, the API, the database schema, and the list of decisions.

Only the part between two marks is generated; the rest of each page is written by hand.
"""

import argparse
import ast
import re
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

from django.apps import apps
from django.conf import settings
from django.core.management import get_commands, load_command_class
from django.core.management.base import BaseCommand
from django.db import models

from events.kinds import KINDS
from events.lib.formatting import size_text
from events.sql.install import all_views
from reports.rollups.rollup import rollups
from telemetry_project.api import description
from tests.api.described import parameters_of

ROOT = Path(settings.BASE_DIR)
DOCS = ROOT / "docs"
PACKAGES = ("events", "ingestion", "reports", "telemetry_project")
MARKED = re.compile(r"(<!-- generated -->\n).*?(<!-- end -->)", re.DOTALL)
# Defaults that the code computes.
COMPUTED_DEFAULTS = {
    "BASE_URL": "`http://localhost:PORT`",
    "DATABASE_URL": "the built-in PostgreSQL",
    "TALLY_DEMO": "`on` with the built-in PostgreSQL",
    "BROKER_URL": "`REDIS_URL`, or the built-in Valkey",
    "REPORT_RETENTION_WEEKS": "`RETENTION_WEEKS`",
    "SECRET_KEY": "a random key, kept in `TALLY_DATA`",
    "ADDRESS_HASH_KEY": "`SECRET_KEY`",
    "EXPORT_FOLDER": "`TALLY_DATA/exports`",
    "SECOND_FACTOR": "`operators` with `HTTPS=1`, else `optional`",
    "REDIS_URL": "the built-in Valkey",
    "EMAIL_URL": "files in `TALLY_DATA/mail`",
}


def renew(page: str, generate: Callable[[], Iterable[str]]) -> str:
    """Return the page with its generated part replaced."""
    made = "\n".join(generate())
    return MARKED.sub(lambda found: f"{found[1]}\n{made}\n{found[2]}", page)


def table(head: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> Iterator[str]:
    """Yield the lines of a Markdown table, and a blank one."""
    yield f"| {' | '.join(head)} |"
    yield f"|{'---|' * len(head)}"
    for row in rows:
        yield "| " + " | ".join(cell.replace("\n", " ").replace("|", "\\|") for cell in row) + " |"
    yield ""


# --- Settings -------------------------------------------------------------------------------------


def settings_page() -> Iterator[str]:
    """Yield a table for each section of settings.py, with its comments as descriptions."""
    source = (ROOT / "telemetry_project" / "settings.py").read_text()
    nodes = ast.walk(ast.parse(source))
    calls = [node for node in nodes if isinstance(node, ast.Call) and _is_setting(node.func)]
    lines = source.splitlines()
    sections: dict[str, list[tuple[str, ...]]] = {}
    known = {"PORT"}  # on the page already
    for call in sorted(calls, key=lambda call: call.lineno):
        name = ast.literal_eval(call.args[0])
        row = (f"`{name}`", _type(call), _default(name, call), _comment(lines, call.lineno - 1))
        if name not in known:
            known.add(name)
            sections.setdefault(_section(lines, call.lineno - 1), []).append(row)
    for title, rows in sections.items():
        yield f"## {title}\n"
        yield from table(("variable", "type", "default", "meaning"), rows)


def _is_setting(function: ast.expr) -> bool:
    """Return True for `env.str`, `env.int` and the like."""
    return (
        isinstance(function, ast.Attribute)
        and isinstance(function.value, ast.Name)
        and function.value.id == "env"
    )


def _type(call: ast.Call) -> str:
    assert isinstance(call.func, ast.Attribute)
    names = {
        "bool": "on or off",
        "str": "text",
        "int": "whole number",
        "float": "number",
        "list": "list, separated by commas",
    }
    return names.get(call.func.attr, "URL")


def _default(name: str, call: ast.Call) -> str:
    if name in COMPUTED_DEFAULTS:
        return COMPUTED_DEFAULTS[name]
    [value] = [keyword.value for keyword in call.keywords if keyword.arg == "default"]
    default = eval(ast.unparse(value), {})
    if isinstance(default, bool):
        return "`on`" if default else "`off`"
    if isinstance(default, list):
        default = ",".join(default)
    if isinstance(default, int) and default and default % 2**20 == 0:
        return f"`{default}` ({size_text(default)})"
    return f"`{default:g}`" if isinstance(default, float) else f"`{default}`" if default != "" else "none"


def _section(lines: list[str], index: int) -> str:
    return next(found[1] for line in reversed(lines[:index]) if (found := re.match(r"# --- (.+?) -", line)))


def _comment(lines: list[str], index: int) -> str:
    """Return the comment at the end of a line, or else the comment directly above it."""
    if trailing := re.search(r"  # (?!noqa|type:)(.+)$", lines[index]):
        return trailing[1]
    above: list[str] = []
    while (found := re.match(r" *# (?!---)(.+)$", lines[index - 1])) is not None:
        above.insert(0, found[1])
        index -= 1
    return " ".join(above)


# --- Commands -------------------------------------------------------------------------------------


def commands_page() -> Iterator[str]:
    """Yield a section for each command of manage.py that is Tally's own."""
    for name, app in sorted(get_commands().items()):
        if str(app).split(".")[0] in PACKAGES:
            yield from _command(name, load_command_class(app, name))


def _command(name: str, command: BaseCommand) -> Iterator[str]:
    parser = command.create_parser("manage.py", name)
    common = {*BaseCommand().create_parser("manage.py", name)._option_string_actions}
    options = [each for each in parser._actions if not set(each.option_strings) & common]
    yield f"## {name}\n\n{command.help}\n"
    if options:
        yield from table(("option", "meaning"), [(_option(each), _option_help(each)) for each in options])


def _option(action: argparse.Action) -> str:
    names = ", ".join(f"`{name}`" for name in action.option_strings) or f"`{action.dest.upper()}`"
    return f"{names} (required)" if action.required and action.option_strings else names


def _option_help(action: argparse.Action) -> str:
    parts = [(action.help or "").replace("%%", "%")]
    if action.choices:
        parts.append("One of " + ", ".join(f"`{choice}`" for choice in action.choices) + ".")
    if action.default not in (None, False, "", argparse.SUPPRESS) and action.nargs != 0:
        parts.append(f"Default: `{getattr(action.default, 'value', action.default)}`.")
    return " ".join(part for part in parts if part)


# --- API ------------------------------------------------------------------------------------------


def api_page() -> Iterator[str]:
    """Yield a section for each endpoint of the read API; the lists of the kinds are one."""
    paths = description()["paths"]
    for path, methods in paths.items():
        if not path.startswith("/api/v1/"):
            continue
        kind = re.fullmatch(r"/api/v1/kinds/(\w+)/", path)
        if kind and kind[1] != min(KINDS):
            continue
        for method, operation in methods.items():
            parameters = parameters_of(operation)
            text = str(operation.get("description", "")).strip()
            shown = path
            if kind:
                shown, text = "/api/v1/kinds/KIND/", "Events of one kind, with the columns of the kind."
                others = [parameters_of(paths[f"/api/v1/kinds/{name}/"]["get"]) for name in KINDS]
                common = set.intersection(*({each["name"] for each in other} for other in others))
                parameters = [each for each in parameters if each["name"] in common]
            yield f"### {method.upper()} {shown}\n\n{text}\n"
            if rows := [_parameter(each) for each in parameters if each["in"] == "query"]:
                yield from table(("parameter", "type", "meaning"), rows)


def _parameter(parameter: dict[str, Any]) -> tuple[str, ...]:
    schema = parameter["schema"]
    is_list = schema.get("type") == "array"
    item = schema["items"] if is_list else schema
    choices = item.get("enum")
    if parameter["name"] == "fields":
        kind = "names, separated by commas"
    elif parameter["name"] == "kind":
        kind = "name of a kind"
    elif choices:
        kind = "one of " + ", ".join(f"`{choice}`" for choice in choices if choice is not None)
    else:
        kind = {"date-time": "time", "uuid": "id", "date": "date"}.get(
            item.get("format", ""), str(item.get("type", "text")).replace("string", "text")
        )
    if is_list and parameter["name"] != "fields":
        kind = f"{kind}, several separated by commas"
    text = str(parameter.get("description", "")).partition("\n\n*")[0].strip()
    return (f"`{parameter['name']}`", kind, text)


# --- Schema ---------------------------------------------------------------------------------------


def schema_page() -> Iterator[str]:
    """Yield a section for each table of Tally's own; kinds and rollups have their own pages."""
    elsewhere: set[type[models.Model]] = {entry.model for entry in KINDS.values()} | set(rollups())
    for config in apps.get_app_configs():
        if config.name.split(".")[0] not in PACKAGES:
            continue
        tables = [model for model in config.get_models() if model not in elsewhere]
        if not tables:
            continue
        yield f"## {config.name}\n"
        for model in sorted(tables, key=lambda model: model._meta.db_table):
            yield f"### {model._meta.db_table}\n\n{_summary(model)}\n"
            rows = [_column(field) for field in model._meta.concrete_fields]
            yield from table(("column", "type", "null", "meaning"), rows)


def _summary(model: type[models.Model]) -> str:
    return re.sub(r"\s+", " ", (model.__doc__ or "").strip().split("\n\n")[0])


def _column(field: Any) -> tuple[str, ...]:
    from django.db import connection

    meaning = str(field.help_text)
    if field.remote_field:
        target = field.remote_field.model._meta.db_table
        meaning = " ".join(part for part in (meaning, f"Refers to `{target}`.") if part)
    elif field.primary_key and not meaning:
        meaning = "Primary key."
    if field.choices:
        meaning += " One of " + ", ".join(f"`{value}`" for value, _ in field.flatchoices) + "."
    type_name = str(field.db_type(connection))
    return (f"`{field.column}`", type_name, "yes" if field.null else "", meaning.strip())


# --- Decisions ------------------------------------------------------------------------------------


def decisions_page() -> Iterator[str]:
    """Yield the titles of all decisions, as links."""
    for path in sorted((DOCS / "decisions").glob("[0-9]*.md")):
        title = path.read_text().partition("\n")[0].removeprefix("# ")
        yield f"- [{title}]({path.name})"
    yield ""


# --- Views for SQL --------------------------------------------------------------------------------


def sql_page() -> Iterator[str]:
    """Yield a section for each view. A kind's view has the columns of `events` too, which aren't repeated."""
    views = {view.name: view for view in all_views()}
    shared = {column.name for column in views["events"].columns}
    for name, view in views.items():
        own = [column for column in view.columns if name not in KINDS or column.name not in shared]
        yield f"## {name}\n\n{view.comment}\n"
        yield from table(("column", "meaning"), [(f"`{column.name}`", column.comment) for column in own])


PAGES: dict[str, Callable[[], Iterator[str]]] = {
    "reference/settings.md": settings_page,
    "reference/commands.md": commands_page,
    "reference/api.md": api_page,
    "reference/schema.md": schema_page,
    "reference/sql.md": sql_page,
    "decisions/README.md": decisions_page,
}
