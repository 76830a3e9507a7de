"""CPU seconds of 10,000 events end to end, in batches and one by one: web, worker, database and the rest."""

import time

from benchmarks import bodies, copying, ingest, load, procfs, stack

EACH = 10_000
PARTS = ("web", "workers", "beat", "database", "broker")
TO_REACH = {"batches": 1.2, "one by one": 8.0}


def measure(rounds: int, events: int, servers: stack.Servers) -> None:
    """Print the CPU seconds of each part, a row for each round."""
    print(f"\nCPU seconds of {EACH:,} events end to end")
    print(f"{'':12}" + "".join(f"{part:>10}" for part in (*PARTS, "all", "to reach")))
    with stack.processes("web", "workers", "beat") as started:
        roots = {name: process.pid for name, process in started.items()}
        roots |= {"database": servers.postgres, "broker": servers.valkey}
        key = ingest.ready()
        for number in range(rounds):
            for name, size, count in (("batches", ingest.BATCH, events), ("one by one", 1, events // 5)):
                used = _used(roots, key, size, count, seed=number + int(time.time()))
                figures = "".join(f"{used[part]:>10.2f}" for part in PARTS)
                print(f"{name:12}{figures}{sum(used.values()):>10.2f}{TO_REACH[name]:>10}")


def _used(roots: dict[str, int], key: str, size: int, events: int, seed: int) -> dict[str, float]:
    """CPU seconds of each part by 10,000 events, sent `size` in a request, until all are filed."""
    copying.empty()
    requests = [
        load.request(ingest.PATH, key, body) for body in bodies.batches(events // size, size, seed=seed)
    ]
    before = {part: procfs.cpu_seconds(root) for part, root in roots.items()}
    sent = load.run(stack.PORT, iter(requests), connections=4 if size > 1 else 16)
    assert set(sent.statuses) == {200}, sent.statuses
    ingest.wait_until_filed(events, every=0.25)
    return {part: (procfs.cpu_seconds(root) - before[part]) * EACH / events for part, root in roots.items()}
