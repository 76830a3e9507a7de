"""Static files: collected again if they are older than the installed packages."""

from pathlib import Path

from django.conf import settings
from django.contrib.staticfiles.finders import get_finders
from django.core.management import call_command

STAMP = ".collected"


def collect_if_older() -> bool:
    """Collect the static files if they are missing or older than their sources; True if it did."""
    stamp = Path(settings.STATIC_ROOT) / STAMP
    if stamp.exists() and stamp.stat().st_mtime >= _newest_source():
        return False
    call_command("collectstatic", interactive=False, verbosity=0)
    stamp.touch()
    return True


def _newest_source() -> float:
    """Return when the newest file of the packages changed, in seconds since 1970."""
    return max(
        (
            Path(storage.path(path)).stat().st_mtime
            for finder in get_finders()
            for path, storage in finder.list(["CVS", ".*", "*~"])
        ),
        default=0.0,
    )
