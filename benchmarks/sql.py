"""The queries of docs/how-to/query-with-sql.md, as they are written, run by a reader of all owners."""

import re
import time
from statistics import median

import psycopg
from django.conf import settings
from django.db import connection

from benchmarks import databases, fill, report_pages
from events.ownership.owner import Owner
from events.sql import readers
from events.sql.install import install

PAGE = settings.BASE_DIR / "docs/how-to/query-with-sql.md"
ROLE, PASSWORD = "bench_reader", "for benchmarks only"
TIMES = 3
TO_REACH = 2.0  # seconds


def measure(database: str, stored: int) -> None:
    """Print the seconds that each query takes beside `stored` events: median and longest of three."""
    events = fill.fill(database, stored)
    with databases.using(database):
        databases.unhurried()
        report_pages.charge()
        install()
        with connection.cursor() as cursor:
            cursor.execute("ANALYZE")
        if not readers.SqlReader.objects.filter(role=ROLE).exists():
            readers.create(ROLE, PASSWORD, list(Owner.objects.values_list("pk", flat=True)))
        parameters = connection.get_connection_params()
    print(f"\nQueries by SQL with {events:,} events stored, s (to reach: {TO_REACH})")
    page = PAGE.read_text()
    with psycopg.connect(
        host=parameters["host"], dbname=database, user=ROLE, password=PASSWORD, autocommit=True
    ) as reader:
        for title, query in re.findall(r"\n\n([^\n]+):\n\n```sql\n(.*?)```", page, re.DOTALL):
            taken, rows = [], 0
            for _ in range(TIMES):
                began = time.perf_counter()
                rows = len(reader.execute(query).fetchall())
                taken.append(time.perf_counter() - began)
            mark = "" if max(taken) <= TO_REACH else "  <--"
            print(f"  {title:<72}{rows:>6} rows{median(taken):>8.2f}{max(taken):>8.2f}{mark}", flush=True)
