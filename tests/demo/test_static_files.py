"""Static files are collected only if a source is newer than the collected files."""

import os
from pathlib import Path

from pytest_django import Settings

from telemetry_project import static_files


def test_static_files_are_collected_again_only_when_outdated(settings: Settings, tmp_path: Path) -> None:
    settings.STATIC_ROOT = tmp_path / "static"
    settings.STORAGES = {
        **settings.STORAGES,
        "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"},
    }

    assert static_files.collect_if_older()
    assert (settings.STATIC_ROOT / "admin" / "css" / "base.css").exists()
    assert not static_files.collect_if_older()
    os.utime(settings.STATIC_ROOT / static_files.STAMP, (0, 0))
    assert static_files.collect_if_older()
