"""The documented functions accept only genuine signatures."""

import json
import re
import shutil
import subprocess
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from django.utils import timezone

from events.webhooks import signing
from tests.needs import require

PAGE = (Path(__file__).parents[2] / "docs/how-to/webhooks.md").read_text()
BODY = '{"data": ["ü"]}'.encode()
Check = Callable[[str, dict[str, str], bytes], bool]


def block(language: str) -> str:
    found = re.search(rf"```{language}\n(.*?)```", PAGE, re.DOTALL)
    assert found is not None
    return found[1]


def by_python(secret: str, headers: dict[str, str], body: bytes) -> bool:
    names: dict[str, Any] = {}
    exec(block("python"), names)
    genuine: bool = names["is_genuine"](secret, headers, body)
    return genuine


def by_node(secret: str, headers: dict[str, str], body: bytes) -> bool:
    node = shutil.which("node")
    require("node", node, "install Node.js, or run `.ci/install-machine`.")
    given = f"{json.dumps(secret)}, {json.dumps(headers)}, Buffer.from({json.dumps(body.hex())}, 'hex')"
    program = f"{block('js')}\nconsole.log(isGenuine({given}));"
    printed = subprocess.run([str(node), "-e", program], check=True, capture_output=True, text=True)
    return printed.stdout.strip() == "true"


@pytest.mark.parametrize("is_genuine", [by_python, pytest.param(by_node, marks=pytest.mark.slow)])
def test_signatures_are_verified(is_genuine: Check) -> None:
    old, new, now = signing.new_secret(), signing.new_secret(), timezone.now()
    headers = signing.headers("msg_1", BODY, [new, old], now)
    assert is_genuine(new, headers, BODY)
    assert is_genuine(old, headers, BODY), "for a day"
    assert not is_genuine(signing.new_secret(), headers, BODY)
    assert not is_genuine(new, headers, BODY + b" ")
    assert not is_genuine(new, headers | {"webhook-id": "msg_2"}, BODY)
    recorded = signing.headers("msg_1", BODY, [new], now - timedelta(hours=1))
    assert not is_genuine(new, recorded, BODY)


def test_the_specifications_example_is_verified() -> None:
    """Uses the example from the Standard Webhooks libraries."""
    secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
    body = b'{"test": 2432232314}'
    at = datetime.fromtimestamp(1614265330, tz=UTC)
    headers = signing.headers("msg_p5jXN8AQM9LWM0D4loKWxJek", body, [secret], at)
    assert headers["webhook-signature"] == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="
