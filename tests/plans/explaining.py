"""Run EXPLAIN ANALYZE on the statements of a request and add up what they read, table by table."""

import json
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

from django.db import connection
from django.test.utils import CaptureQueriesContext


@dataclass
class Read:
    """Rows, indexes and partitions read by some statements."""

    rows: int = 0
    indexes: set[str] = field(default_factory=set)  # names as in the models, not those of partitions
    partitions: dict[str, set[str]] = field(default_factory=dict)  # by table
    plans: list[Any] = field(default_factory=list)


def read_by(ask: Callable[[], Any], tables: Iterable[str]) -> Read:
    """Call `ask`, then explain each statement it ran on one of the tables."""
    wanted = tuple(tables)
    with CaptureQueriesContext(connection) as captured:
        ask()
    statements = [
        entry["sql"]
        for entry in captured.captured_queries
        if entry["sql"].lstrip().startswith(("SELECT", "WITH"))
        and any(name in entry["sql"] for name in wanted)
    ]
    read = Read()
    parents = _parents()
    for statement in statements:
        for node in explained(statement):
            _add(read, node, wanted, parents)
    return read


def explained(statement: str) -> list[dict[str, Any]]:
    """Return the nodes of a statement's plan as executed."""
    with connection.cursor() as cursor:
        cursor.execute(f"EXPLAIN (ANALYZE, FORMAT JSON) {statement}".replace("%", "%%"))
        plan = cursor.fetchone()[0]
    (root,) = json.loads(plan) if isinstance(plan, str) else plan
    return list(_nodes(root["Plan"]))


def _nodes(plan: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield plan
    for below in plan.get("Plans", ()):
        yield from _nodes(below)


def _add(read: Read, node: dict[str, Any], tables: tuple[str, ...], parents: dict[str, str]) -> None:
    """Add what a node read. A node that was never executed read nothing."""
    if not node["Actual Loops"]:
        return
    if index := node.get("Index Name"):
        read.indexes.add(parents.get(index, index))
    relation = node.get("Relation Name", "")
    table = parents.get(relation, relation)
    if table not in tables:
        return
    thrown = node.get("Rows Removed by Filter", 0) + node.get("Rows Removed by Index Recheck", 0)
    read.rows += int((node["Actual Rows"] + thrown) * node["Actual Loops"])
    read.partitions.setdefault(table, set()).add(relation)
    read.plans.append({name: value for name, value in node.items() if name != "Plans"})


def _parents() -> dict[str, str]:
    """Return the parent table or index of each partition and partition index."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT child.relname, parent.relname FROM pg_inherits"
            " JOIN pg_class child ON child.oid = inhrelid JOIN pg_class parent ON parent.oid = inhparent"
        )
        return dict(cursor.fetchall())
