"""Static files are collected when something of them is newer than what was collected, else left alone."""

import os
from pathlib import Path

from pytest_django import Settings

from telemetry_project import static_files


def test_static_files_are_collected_once_and_again_when_they_are_older(
    settings: Settings, tmp_path: Path
) -> None:
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
