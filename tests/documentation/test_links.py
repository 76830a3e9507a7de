"""Links between documents work."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", ROOT / "CHANGELOG.md", *(ROOT / "docs").rglob("*.md")]
PICTURES = {"docs/images/event-list.png"}  # created from a running Tally by `make screenshots`


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_lead_to_files(page: Path) -> None:
    links = re.findall(r"\]\(([^)#:]+)\)", page.read_text())
    within_tally = {link for link in links if link.startswith("/")}  # pages of Tally itself

    missing = [link for link in links if link not in within_tally and not (page.parent / link).exists()]

    assert set(missing) <= PICTURES
