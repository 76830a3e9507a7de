"""The documentation site builds without warnings, loads nothing from other hosts, and is served by Tally."""

import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.conf import LazySettings
from django.test import Client

from telemetry_project import documentation
from telemetry_project.web.content_policy import STRICT

pytestmark = pytest.mark.slow  # the site is built

# Resources that a browser loads, as opposed to links.
LOADED = re.compile(r"<(?:(?:script|img|iframe)\s[^>]*src|link rel=\"(?:stylesheet|icon)\" href)=\"([^\"]+)")


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Build the site in a data folder of its own."""
    folder = tmp_path_factory.mktemp("data")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TALLY_DATA", str(folder))
        assert documentation.build(strict=True)
        yield folder


@pytest.fixture
def served(data: Path, settings: LazySettings) -> Path:
    settings.DATA = data
    return data / "docs" / "site"


def test_no_page_loads_external_resources_or_has_inline_scripts(data: Path) -> None:
    pages = list((data / "docs" / "site").rglob("*.html"))
    assert len(pages) > 100
    for page in pages:
        html = page.read_text()
        assert [each for each in LOADED.findall(html) if "//" in each] == [], page
        assert re.findall(r"<script>|<style|\sstyle=\"|\son\w+=\"", html) == [], page


def test_the_site_is_rebuilt_only_if_its_sources_changed(data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert not documentation.build()

    def copy(command: list[str], **_: object) -> None:
        shutil.copytree(data / "docs" / "site", command[command.index("--site-dir") + 1])

    monkeypatch.setattr(documentation, "fingerprint", lambda: "changed")
    monkeypatch.setattr(subprocess, "run", copy)

    assert documentation.build()
    assert (data / "docs" / "site" / "index.html").exists()
    assert sorted(path.name for path in (data / "docs").iterdir()) == ["lock", "site", "sources"]


def test_a_failed_build_keeps_the_previous_site(data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(command: list[str], **_: object) -> None:
        raise subprocess.CalledProcessError(1, command)

    monkeypatch.setattr(subprocess, "run", fail)

    assert documentation.main(["--strict"]) == 1
    assert (data / "docs" / "site" / "index.html").exists()


@pytest.mark.parametrize("path", ["", "tutorial/", "reference/settings/", "changelog/", "assets/site.css"])
def test_the_site_is_public(path: str, client: Client, served: Path) -> None:
    response = client.get(f"/docs/{path}")

    assert response.status_code == 200
    assert response.headers["Content-Security-Policy"] == STRICT


def test_a_folder_without_a_trailing_slash_redirects_to_the_page(client: Client, served: Path) -> None:
    response = client.get("/docs/decisions")

    assert (response.status_code, response.headers["Location"]) == (301, "/docs/decisions/")


@pytest.mark.parametrize(
    "path", ["nowhere/", "../sources", "%2e%2e/sources", "assets/", "%00", "a" * 300, "a/" * 3000]
)
def test_other_paths_are_not_found(path: str, client: Client, served: Path) -> None:
    assert client.get(f"/docs/{path}").status_code in (400, 404)


def test_without_a_built_site_a_page_says_so(client: Client, tmp_path: Path, settings: LazySettings) -> None:
    settings.DATA = tmp_path

    response = client.get("/docs/")

    assert response.status_code == 404
    assert "isn't built yet" in response.content.decode()
