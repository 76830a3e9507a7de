"""What the README has to be pasted works: its lines are run by a shell, with curl replaced by our own."""

import json
import re
import subprocess
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from django.test import Client

from events.event import Event
from events.ownership import provisioning
from events.ownership.api_key import KeyType
from ingestion.drain import drain

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", ROOT / "CHANGELOG.md", *(ROOT / "docs").rglob("*.md")]
pytestmark = pytest.mark.django_db


def lines_with(word: str) -> list[str]:
    blocks = re.findall(r"```sh\n(.*?)```", (ROOT / "README.md").read_text(), re.DOTALL)
    return [block for block in blocks if word in block]


def arguments(line: str, key: str) -> list[str]:
    """What curl would be given."""
    script = f'KEY={key} SECRET={key}\ncurl() {{ printf "%s\\0" "$@"; }}\n{line}'
    shown = subprocess.run(["bash", "-c", script], capture_output=True, text=True, check=True).stdout
    return shown.split("\0")[:-1]


def send(client: Client, words: list[str]) -> Any:
    headers = dict(words[place + 1].split(": ", 1) for place, word in enumerate(words) if word == "-H")
    url = urlsplit(words[-1])
    if "-d" not in words:
        return client.get(f"{url.path}?{url.query}", headers=headers)
    return client.post(
        url.path,
        words[words.index("-d") + 1],
        content_type=headers.pop("Content-Type"),
        headers=headers,
    )


def test_the_events_of_all_three_formats_are_accepted_and_filed(client: Client) -> None:
    key = provisioning.key(organization_slug="default", owner_name="Web team", owners="YourTeam").text

    answers = [send(client, arguments(line, key)) for line in lines_with("-d '")]

    assert [answer.status_code for answer in answers] == [201, 200, 200]
    assert json.loads(answers[1].content)["result"]["rejected"] == 0
    drain()
    assert set(Event.objects.values_list("dialect", "owner__name")) == {
        ("availity", "YourTeam"),
        ("sunbird", "Web team"),
        ("buildless", "Web team"),
    }


def test_the_line_that_reads_finds_the_event(client: Client) -> None:
    key = provisioning.key(organization_slug="default", owner_name="Web team", kind=KeyType.SECRET).text
    sunbird = next(line for line in lines_with("-d '") if "IMPRESSION" in line)
    send(client, arguments(sunbird, key))
    drain()
    (reading,) = (line.split("\n", 1)[1] for line in lines_with("SECRET=$("))

    answer = send(client, arguments(reading, key))

    assert [event["source"] for event in json.loads(answer.content)["results"]] == ["portal"]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_lead_somewhere(page: Path) -> None:
    pictures = {"docs/images/event-list.png"}  # taken of the running thing, by `make screenshots`
    links = re.findall(r"\]\(([^)#:]+)\)", page.read_text())

    missing = [link for link in links if link not in pictures and not (page.parent / link).exists()]

    assert missing == []
