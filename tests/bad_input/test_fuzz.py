"""Fuzz the endpoints with bytes, JSON values and corrupted samples, under lenient and strict validation.

Tries a modest number of examples; `make fuzz` runs for a given time (long_fuzz.py).
"""

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from tests.bad_input import mutations
from tests.bad_input.exchange import Request
from tests.bad_input.oracle import send_and_verify
from tests.sending import Sender

STRATEGIES = {
    "sunbird": mutations.sunbird_batches(),
    "availity": mutations.availity_messages(),
    "buildless": mutations.emitted_events(),
    "streams": mutations.streams(),
    "bytes": mutations.corrupted_bytes(),
    "anything": mutations.arbitrary(),
}
MODEST = settings(
    max_examples=25,
    database=None,
    suppress_health_check=list(HealthCheck),
    phases=[Phase.explicit, Phase.generate, Phase.shrink],
)


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_no_input_breaks_the_promises_of_ingestion(senders: dict[str, Sender], strategy: str) -> None:
    @MODEST
    @given(request=STRATEGIES[strategy], mode=st.sampled_from(list(senders)))
    def check(request: Request, mode: str) -> None:
        send_and_verify(senders[mode], request)

    check()
