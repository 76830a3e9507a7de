"""Hypothesis against the endpoints: bytes, JSON values and spoilt samples, lenient and strict.

A modest number of examples by itself. With FUZZ_SECONDS set it goes on for so long, each round with a seed of
its own that is printed; FUZZ_SEED repeats a round.
"""

import os
import random
import time
from collections import Counter

import pytest
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st

from events.ownership.api_key import KeyType
from events.ownership.owner import Validation
from tests.bad_input import mutations
from tests.bad_input.exchange import Request
from tests.bad_input.oracle import hold
from tests.sending import MakeSender, Sender

STRATEGIES = {
    "sunbird": mutations.sunbird_batches(),
    "availity": mutations.availity_messages(),
    "buildless": mutations.emitted_events(),
    "streams": mutations.streams(),
    "bytes": mutations.spoilt_bytes(),
    "anything": mutations.arbitrary(),
}
ROUND = 300  # examples of each strategy in a round of FUZZ_SECONDS
MODEST = settings(
    max_examples=25,
    deadline=None,
    database=None,
    suppress_health_check=list(HealthCheck),
    phases=[Phase.explicit, Phase.generate, Phase.shrink],
)


@pytest.fixture
def senders(make_sender: MakeSender, settings: object) -> dict[str, Sender]:
    """A lenient and a strict one."""
    settings.RATE_LIMITS = False  # type: ignore[attr-defined]  # what they limit has tests of its own
    return {
        mode: make_sender(f"{mode} team", owners="all", kind=KeyType.SECRET, validation=mode)
        for mode in Validation
    }


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_no_input_breaks_the_promise(senders: dict[str, Sender], strategy: str) -> None:
    @MODEST
    @given(request=STRATEGIES[strategy], mode=st.sampled_from(list(senders)))
    def check(request: Request, mode: str) -> None:
        hold(senders[mode], request)

    check()


@pytest.mark.skipif("not os.environ.get('FUZZ_SECONDS')", reason="FUZZ_SECONDS says how long it fuzzes")
def test_for_as_long_as_asked(senders: dict[str, Sender], capsys: pytest.CaptureFixture[str]) -> None:
    until = time.monotonic() + float(os.environ["FUZZ_SECONDS"])
    first = int(os.environ.get("FUZZ_SEED") or random.SystemRandom().randrange(10**6))
    answers: Counter[str] = Counter()
    number = first
    while time.monotonic() < until:
        for name, strategy in STRATEGIES.items():
            with capsys.disabled():
                print(f"FUZZ_SEED={number} {name}: {answers.total():,} examples so far", flush=True)  # noqa: T201

            @seed(number)
            @settings(MODEST, max_examples=ROUND)
            @given(request=strategy, mode=st.sampled_from(list(senders)))
            def check(request: Request, mode: str) -> None:
                answer = hold(senders[mode], request)
                answers[f"{answer.status} {answer.code}"] += 1

            check()
        number += 1
    with capsys.disabled():
        print(*(f"{count:8,}  {answer}" for answer, count in answers.most_common()), sep="\n")  # noqa: T201
