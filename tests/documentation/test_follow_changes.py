"""The how-to's program copies every event once, even if it is killed and restarted."""

import os
import re
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from events.event import Event
from events.ownership.api_key import KeyType
from tests.faults.stack import eventually
from tests.sending import MakeSender, Sender, file_all, log_event
from tests.serving import Server, serving

PAGE = Path(__file__).parents[2] / "docs" / "how-to" / "follow-changes.md"
PATIENCE = 60.0  # seconds


@contextmanager
def following(server: Server, key: str, folder: Path) -> Iterator[None]:
    """Run the page's program during the block, then kill it."""
    (program,) = re.findall(r"```python\n(.*?)```", PAGE.read_text(), re.DOTALL)
    command = [sys.executable, "-c", program]
    own = {"TALLY_URL": server.url, "TALLY_KEY": key}
    with subprocess.Popen(command, cwd=folder, env=os.environ | own) as process:
        try:
            yield
            assert process.poll() is None, "it still runs"
        finally:
            process.kill()


def copied(folder: Path) -> list[str]:
    """Return the IDs in the copy, or none before it exists."""
    path = folder / "events.db"
    if not path.exists():
        return []
    with closing(sqlite3.connect(path, timeout=PATIENCE)) as copy:
        try:
            return sorted(each for (each,) in copy.execute("SELECT id FROM event"))
        except sqlite3.OperationalError:  # no table yet
            return []


def stored() -> list[str]:
    return sorted(str(each) for each in Event.objects.values_list("pk", flat=True))


def file(sender: Sender, *mids: str) -> None:
    sender.batch(*map(log_event, mids))
    file_all()


@pytest.mark.usefixtures("transactional_db")
def test_the_program_copies_every_event_once(make_sender: MakeSender, tmp_path: Path) -> None:
    sender = make_sender(kind=KeyType.SECRET)
    file(sender, "before")
    with serving(tmp_path / "log") as server:
        with following(server, sender.text, tmp_path):
            eventually(lambda: copied(tmp_path) == stored(), PATIENCE, "what was there is copied")
            file(sender, "while it waits", "and another")
            eventually(lambda: copied(tmp_path) == stored(), PATIENCE, "news is copied")
        file(sender, "while it is away")
        with following(server, sender.text, tmp_path):
            eventually(lambda: copied(tmp_path) == stored(), PATIENCE, "it continues")
    assert len(stored()) == 4
