"""Generated pages are up to date. `make docs-reference` renews them."""

import os
import re

import pytest

from tests.documentation.generated import DOCS, PAGES, renew


@pytest.mark.parametrize("name", PAGES)
def test_page_is_up_to_date(name: str) -> None:
    path = DOCS / name
    page = path.read_text()
    renewed = renew(page, PAGES[name])

    if os.environ.get("WRITE_DOCS"):
        path.write_text(renewed)
    else:
        assert page == renewed, "run `make docs-reference`"


@pytest.mark.parametrize("name", ["reference/settings.md", "reference/commands.md"])
def test_every_row_has_a_meaning(name: str) -> None:
    page = (DOCS / name).read_text()

    assert re.findall(r"^\|.*\|\s*\|$", page, re.MULTILINE) == []


def test_a_decision_is_numbered_as_its_file() -> None:
    for path in (DOCS / "decisions").glob("[0-9]*.md"):
        assert path.read_text().startswith(f"# {int(path.name[:3])}. "), path.name
