"""Runs the fuzzing of test_fuzz.py for FUZZ_SECONDS (`make fuzz`).

Each round prints its seed; FUZZ_SEED repeats a round.
"""

import os
import random
import time
from collections import Counter

import pytest
from hypothesis import given, seed, settings
from hypothesis import strategies as st

from tests.bad_input.exchange import Request
from tests.bad_input.oracle import send_and_verify
from tests.bad_input.test_fuzz import MODEST, STRATEGIES
from tests.sending import Sender

ROUND = 300  # examples per strategy


def test_no_input_breaks_the_promises_for_fuzz_seconds(
    senders: dict[str, Sender], capsys: pytest.CaptureFixture[str]
) -> None:
    until = time.monotonic() + float(os.environ["FUZZ_SECONDS"])
    first = int(os.environ.get("FUZZ_SEED") or random.SystemRandom().randrange(10**6))
    answers: Counter[str] = Counter()
    number = first
    while time.monotonic() < until:
        for name, strategy in STRATEGIES.items():
            if time.monotonic() >= until:
                break
            with capsys.disabled():
                print(f"FUZZ_SEED={number} {name}: {answers.total():,} examples so far", flush=True)  # noqa: T201

            @seed(number)
            @settings(MODEST, max_examples=ROUND)
            @given(request=strategy, mode=st.sampled_from(list(senders)))
            def check(request: Request, mode: str) -> None:
                answer = send_and_verify(senders[mode], request)
                answers[f"{answer.status} {answer.code}"] += 1

            check()
        number += 1
    with capsys.disabled():
        print(*(f"{count:8,}  {answer}" for answer, count in answers.most_common()), sep="\n")  # noqa: T201
