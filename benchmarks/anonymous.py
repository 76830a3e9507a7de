"""Times each page that needs neither a login nor a key, in process and one at a time (milliseconds)."""

import time
from statistics import median, quantiles

from django.test import Client

from telemetry_project.web import health

TIMES = 200
PATHS = {
    "`/livez`": "/livez",
    "`/readyz`": "/readyz",
    "`/api/schema/`": "/api/schema/",
    "`/api/docs/`": "/api/docs/",
    "`/api/problems/`": "/api/problems/",
    "`/api/v1/events/`, 401": "/api/v1/events/",
    "login form": "/admin/login/",
    "password reset form": "/admin/password_reset/",
    "a page that there isn't, 404": "/no/such/page/",
    "an API address that there isn't, 404": "/api/v1/nothing/",
    "a static file that there isn't, 404": "/static/none.css",
}


def measure() -> None:
    """Print the first answer of each page and percentiles of the next ones: elapsed and CPU time."""
    client = Client()
    print("| page | first, ms | p50, ms | p95, ms | CPU p50, ms |\n|---|---|---|---|---|")
    for name, path in PATHS.items():
        _row(name, client, path, forget=False)
    _row("`/readyz`, asked anew each time", client, "/readyz", forget=True)


def _row(name: str, client: Client, path: str, *, forget: bool) -> None:
    elapsed, cpu = [], []
    for _ in range(TIMES + 1):
        if forget:
            health.forget()
        began, used = time.perf_counter(), time.thread_time()
        client.get(path)
        elapsed.append((time.perf_counter() - began) * 1000)
        cpu.append((time.thread_time() - used) * 1000)
    first, *rest = elapsed
    late = quantiles(rest, n=20)[-1]
    print(f"| {name} | {first:.1f} | {median(rest):.2f} | {late:.2f} | {median(cpu[1:]):.2f} |", flush=True)
