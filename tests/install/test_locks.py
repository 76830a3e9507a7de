"""The locks include all dependencies on every supported Python and platform."""

import ast
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from importlib.metadata import PackageNotFoundError, distribution, packages_distributions
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[2]
LOCKS = ROOT / "requirements"
NAMES = ("base", "lake", "dev")
ENVIRONMENTS = [
    {
        "python_version": version.rpartition(".")[0],
        "python_full_version": version,
        "sys_platform": platform,
        "platform_system": system,
        "os_name": "posix",
    }
    for version in ("3.11.0", "3.11.7", "3.12.1", "3.13.0", "3.14.0")
    for platform, system in (("linux", "Linux"), ("darwin", "Darwin"))
]
# Packages that are locked for some machines only, and why the others don't need them.
CONDITIONAL = {
    "async-timeout": "asyncio.timeout is complete from Python 3.11.3 on",
    "colorama": "for Windows, where Tally doesn't run",
    "librt": "speeds up mypy; PyPy can't load it",
    "psycopg-binary": "PyPy can't load it",
}


def requirements(file: Path) -> Iterator[Requirement]:
    """Yield the requirements of a file as pip reads it, including those of included files."""
    for line in file.read_text().replace("\\\n", " ").splitlines():
        text = line.split(" --hash")[0].split("#")[0].strip()
        if included := re.match(r"-r (\S+)", text):
            yield from requirements(file.parent / included[1])
        elif text:
            yield Requirement(text)


@cache
def locked(name: str) -> dict[str, Requirement]:
    return {canonicalize_name(pin.name): pin for pin in requirements(LOCKS / f"{name}.txt")}


def missing_from(
    lock: dict[str, Requirement], roots: list[Requirement], environment: dict[str, str]
) -> set[str]:
    """Return what the lock lacks, by following the metadata of installed packages from the roots."""
    missing, seen, waiting = set(), set(), [(wanted, "requirements/*.in") for wanted in roots]
    while waiting:
        wanted, by = waiting.pop()
        name = canonicalize_name(wanted.name)
        if (name, frozenset(wanted.extras)) in seen:
            continue
        seen.add((name, frozenset(wanted.extras)))
        pin = lock.get(name)
        if pin is None or (pin.marker and not pin.marker.evaluate(environment)):
            missing.add(f"{by} requires {wanted}, which isn't locked")
            continue
        (version,) = (clause.version for clause in pin.specifier)
        if not wanted.specifier.contains(version, prereleases=True):
            missing.add(f"{by} requires {wanted}, locked is {version}")
        if lost := wanted.extras - pin.extras:
            missing.add(f"{by} requires {wanted}, locked without {', '.join(sorted(lost))}")
        try:
            texts = distribution(name).requires or []
        except PackageNotFoundError:
            continue  # only needed on another Python or platform
        for text in texts:
            further = Requirement(text)
            if further.marker is None or any(
                further.marker.evaluate({**environment, "extra": extra}) for extra in ("", *wanted.extras)
            ):
                waiting.append((further, str(wanted)))
    return missing


@pytest.mark.parametrize("environment", ENVIRONMENTS, ids=lambda case: "-".join(list(case.values())[1:3]))
@pytest.mark.parametrize("name", NAMES)
def test_all_requirements_are_locked_with_their_extras(name: str, environment: dict[str, str]) -> None:
    assert missing_from(locked(name), list(requirements(LOCKS / f"{name}.in")), environment) == set()


def test_a_lock_without_an_extra_is_reported() -> None:
    pins = {**locked("dev"), "coverage": Requirement(f"coverage{locked('dev')['coverage'].specifier}")}

    (missing,) = missing_from(pins, list(requirements(LOCKS / "dev.in")), ENVIRONMENTS[0])

    assert "locked without toml" in missing


@pytest.mark.parametrize("name", NAMES)
def test_packages_locked_for_some_machines_are_needed_only_there(name: str) -> None:
    assert {pin for pin, wanted in locked(name).items() if wanted.marker} <= CONDITIONAL.keys()


@pytest.mark.parametrize("name", ["base", "lake", "uv"])
def test_dev_locks_the_same_versions_as_base(name: str) -> None:
    dev = locked("dev")
    for package, pin in locked(name).items():
        assert dev[package].specifier == pin.specifier
        assert dev[package].extras >= pin.extras
        # Packages that development needs too may be locked for more machines.
        assert dev[package].marker in (None, pin.marker)


def test_all_imported_packages_are_in_base() -> None:
    own = {"telemetry_project", "events", "ingestion", "reports", "tests"}
    listed = {canonicalize_name(wanted.name) for wanted in requirements(LOCKS / "lake.in")}
    imported: set[str] = set()
    for folder in own - {"tests"}:
        for file in (ROOT / folder).rglob("*.py"):
            for node in ast.walk(ast.parse(file.read_text())):
                if isinstance(node, ast.Import):
                    imported |= {alias.name.split(".")[0] for alias in node.names}
                elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
                    imported.add(node.module.split(".")[0])
    providers = packages_distributions()

    unlisted = {
        module
        for module in imported - own - sys.stdlib_module_names
        if not listed & {canonicalize_name(provider) for provider in providers.get(module, [])}
    }

    assert unlisted == set()


def test_time_zones_work_on_a_machine_without_zone_data() -> None:
    environment = {**os.environ, "PYTHONTZPATH": "", "SECRET_KEY": "x"}
    check = [sys.executable, "manage.py", "check"]

    done = subprocess.run(check, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)

    assert done.returncode == 0, done.stderr
