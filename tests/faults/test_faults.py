"""After any fault, every acknowledged event is exactly once in its table or among the rejected events."""

from collections.abc import Iterator

import pytest

from tests.faults.catalogue import FAULTS
from tests.faults.trial import Trial, prepared

SEED = 20261121
# A selection of each sort; `make test-faults` runs all of them at random for a given time.
SHORT = (
    "answers_of_commits_lost",
    "disk_full",
    "partition_missing",
    "poison",
    "postgres_killed",
    "postgres_restarted",
    "readers_that_do_not_read",
    "same_block_twice",
    "same_id_racing",
    "valkey_hanging",
    "web_killed",
    "week_boundary",
    "worker_killed",
    "worker_lane_blocked",
)


@pytest.fixture(scope="module")
def trial() -> Iterator[Trial]:
    """One stack for all faults, which must survive each of them."""
    with prepared(SEED) as made:
        yield made
        print("", *made.report(), sep="\n")
        made.recount_charges()


@pytest.mark.faults
@pytest.mark.parametrize("name", SHORT)
def test_every_acknowledged_event_is_stored_once_after(trial: Trial, name: str) -> None:
    trial.undergo(FAULTS[name])
