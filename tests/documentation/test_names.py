"""Files, variables and defaults named in documents exist and are correct."""

import pkgutil
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.conf import settings

ROOT = Path(settings.BASE_DIR)
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").rglob("*.md"))]
# Decisions describe their time, and generated pages show what senders write.
DATED = ("decisions", "bad-input.md", "hostile-bodies.md")
CODE = (
    *("events", "ingestion", "reports", "telemetry_project"),
    *("tests", "benchmarks", "deploy", "requirements"),
)
FILE = re.compile(r"[\w./-]+\.(?:py|md|html|js|css|conf|toml)")
FOLDER = re.compile(rf"(?:{'|'.join((*CODE, 'docs'))})/(?:[\w.-]+/)*")
MODULE = re.compile(r"(?:events|ingestion|reports|telemetry_project|tests)(?:\.\w+)+")
DOCUMENT = re.compile(r"\bdocs/[\w./-]*\w")
VARIABLE = re.compile(r"[A-Z][A-Z0-9]*(?:_[A-Z0-9]+)+")
WITH_DEFAULT = re.compile(r"`([A-Z][A-Z_]+)` \(([\d,]+)[);]")
DEFAULT = re.compile(r"env\.\w+\(\s*\"([A-Z_]+)\",\s*default=([\d_.]+)\)")
SETTINGS = (ROOT / "telemetry_project" / "settings.py").read_text()


def current_pages() -> list[Path]:
    return [page for page in PAGES if not set(DATED) & set(page.parts)]


def quoted(page: Path) -> Iterator[str]:
    """Yield the texts between backticks outside of code blocks."""
    text = re.sub(r"```.*?```", "", page.read_text(), flags=re.DOTALL)
    yield from re.findall(r"`([^`\n]+)`", text)


@pytest.fixture(scope="module")
def files() -> list[str]:
    found = [ROOT / "manage.py", ROOT / "pyproject.toml", ROOT / "CHANGELOG.md", *PAGES]
    found += [path for name in CODE for path in (ROOT / name).rglob("*") if path.is_file()]
    return [f"/{path.relative_to(ROOT)}" for path in found]


@pytest.fixture(scope="module")
def words(files: list[str]) -> set[str]:
    """Return all names of variables in the code."""
    sources = [ROOT / name[1:] for name in files if name.endswith((".py", ".html", ".js", ".conf"))]
    sources += [ROOT / name for name in ("Makefile", "Procfile")]
    return {word for path in sources for word in VARIABLE.findall(path.read_text())}


@pytest.mark.parametrize("page", current_pages(), ids=lambda page: str(page.relative_to(ROOT)))
def test_files_and_variables_that_a_page_names_exist(page: Path, files: list[str], words: set[str]) -> None:
    named = [each for each in quoted(page) if FILE.fullmatch(each) and "NAME" not in each]
    assert [each for each in named if not any(path.endswith(f"/{each}") for path in files)] == []
    assert {word for each in quoted(page) for word in VARIABLE.findall(each)} - words == set()


@pytest.mark.parametrize("page", current_pages(), ids=lambda page: str(page.relative_to(ROOT)))
def test_folders_and_modules_that_a_page_names_exist(page: Path) -> None:
    named = [each for each in quoted(page) if FOLDER.fullmatch(each) and each.islower()]
    tasks = {task for lane in settings.LANES.values() for task in lane}
    modules = [each for each in quoted(page) if MODULE.fullmatch(each) and each not in tasks]

    assert [each for each in named if not (ROOT / each).is_dir()] == []
    assert [each for each in modules if not _exists(each)] == []


def _exists(name: str) -> bool:
    """Return True if a dotted name is a module or an attribute of one."""
    try:
        pkgutil.resolve_name(name)
    except (ImportError, AttributeError):
        return False
    return True


def test_documents_that_the_code_names_exist(files: list[str]) -> None:
    code = [ROOT / name[1:] for name in files if name.endswith((".py", ".html", ".toml", ".in"))]
    named = {(path, each) for path in code for each in DOCUMENT.findall(path.read_text())}

    # Decisions may be referred to by number.
    assert len(named) > 20
    assert {
        (str(path.relative_to(ROOT)), each)
        for path, each in named
        if not (ROOT / each).exists() and not list(ROOT.glob(f"{each}-*.md"))
    } == set()


def test_defaults_on_pages_match_the_settings() -> None:
    defaults = {name: float(value.replace("_", "")) for name, value in DEFAULT.findall(SETTINGS)}
    given = [
        (page.name, name, float(value.replace(",", "")))
        for page in current_pages()
        for name, value in WITH_DEFAULT.findall(page.read_text())
        if name in defaults
    ]
    assert given
    assert [each for each in given if each[2] != defaults[each[1]]] == []
