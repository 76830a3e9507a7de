"""Faults of Valkey, which holds the broker and rate limits: stopped, empty, hanging, full."""

import signal
import time
from collections.abc import Iterator

from tests.faults.registry import OUTAGE_SECONDS, Scene, fault


@fault
def valkey_stopped(scene: Scene) -> Iterator[None]:
    """Valkey stopped for some seconds."""
    scene.stack.stop_broker()
    yield
    time.sleep(OUTAGE_SECONDS)
    scene.stack.start_broker()


@fault
def valkey_restarted_empty(scene: Scene) -> Iterator[None]:
    """Valkey killed (-9) and started again, with nothing in it."""
    scene.stack.signal_broker(signal.SIGKILL)
    scene.stack.stop_broker()
    scene.stack.start_broker()
    yield


@fault
def valkey_hanging(scene: Scene) -> Iterator[None]:
    """Valkey neither answers nor closes its connections (SIGSTOP)."""
    scene.stack.signal_broker(signal.SIGSTOP)
    yield
    time.sleep(OUTAGE_SECONDS)
    scene.stack.signal_broker(signal.SIGCONT)


@fault
def valkey_full(scene: Scene) -> Iterator[None]:
    """Valkey has no memory left and refuses writes."""
    with scene.stack.broker_client() as client:
        most = client.config_get("maxmemory")["maxmemory"]
        client.config_set("maxmemory", 1)
        try:
            yield
            time.sleep(2 * OUTAGE_SECONDS)
        finally:
            client.config_set("maxmemory", most or "256mb")
