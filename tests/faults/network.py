"""Faults of the network between Tally and PostgreSQL, caused by a proxy."""

import time
from collections.abc import Iterator
from contextlib import contextmanager

from telemetry_project.stack import paths, postgres
from tests.faults.holding import PATIENCE_SECONDS
from tests.faults.proxy import Proxy
from tests.faults.registry import OUTAGE_SECONDS, Scene, fault
from tests.faults.stack import WORKERS, eventually
from tests.serving import HOST

LATENCY_SECONDS = 0.1
CUTS = 6  # connections of each sort


@fault
def answers_of_commits_lost(scene: Scene) -> Iterator[None]:
    """Connections of the web process and of workers lost between a COMMIT and its answer."""
    with _through_proxy(scene, "web") as web, _through_proxy(scene, "workers-1") as worker:
        scene.stack.kill("workers-2")
        for proxy in (web, worker):
            proxy.cut_every = 3
        eventually(
            lambda: web.cuts >= CUTS and worker.cuts >= CUTS,
            2 * PATIENCE_SECONDS,
            "commits whose answers are lost",
        )
        yield
    scene.stack.start("workers-2")


@fault
def latency(scene: Scene) -> Iterator[None]:
    """PostgreSQL is 100 ms away."""
    with _through_proxy(scene, "web", *WORKERS) as proxy:
        proxy.delay = LATENCY_SECONDS
        yield
        time.sleep(2 * OUTAGE_SECONDS)


@contextmanager
def _through_proxy(scene: Scene, *names: str) -> Iterator[Proxy]:
    """Restart processes with a proxy between them and PostgreSQL, for the duration of the block."""
    with Proxy.running(paths.postgres_socket_folder(scene.stack.data) / paths.POSTGRES_SOCKET) as proxy:
        url = f"postgres://postgres@{HOST}:{proxy.port}/{postgres.DATABASE}"
        for name in names:
            scene.stack.kill(name)
            scene.stack.start(name, DATABASE_URL=url)
        try:
            yield proxy
        finally:
            for name in names:
                scene.stack.kill(name)
                scene.stack.start(name)
