"""The documentation as a site: builds docs/ with MkDocs, and serves the result under /docs/.

`python -m telemetry_project.documentation` builds the site if its sources have changed. `make run` does that
in the background once people can log in. `make docs` also fails if a link is broken.
"""

import argparse
import hashlib
import os
import shutil
import subprocess
import sys
from mimetypes import guess_type
from pathlib import Path

from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse, HttpResponsePermanentRedirect
from django.shortcuts import render
from django.utils._os import safe_join
from django.utils.cache import get_conditional_response
from django.utils.http import http_date
from django.views.decorators.gzip import gzip_page
from django.views.decorators.http import require_safe

from telemetry_project.stack import paths
from telemetry_project.stack.launch import locked

SOURCES = ("docs", "mkdocs.yml", "CHANGELOG.md", "requirements/base.txt")


def folder() -> Path:
    """Return the folder that holds the site and the fingerprint of its sources."""
    return paths.data_folder() / "docs"


def build(*, strict: bool = False) -> bool:
    """Build the site, and return True if it had to be built. Until it is complete, the old one is served.

    Raises:
        subprocess.CalledProcessError: MkDocs failed, or `strict` and it warned.
    """
    site, stamp = folder() / "site", folder() / "sources"
    with locked(folder() / "lock"):
        sources = fingerprint()
        if not strict and site.exists() and stamp.exists() and stamp.read_text() == sources:
            return False
        new, old = folder() / "new", folder() / "old"
        command = [sys.executable, "-m", "mkdocs", "build", "--site-dir", str(new)]
        # With --quiet, MkDocs doesn't count the warnings that --strict fails on.
        subprocess.run(
            [*command, *(["--strict"] if strict else ["--no-strict", "--quiet"])],
            cwd=paths.REPOSITORY,
            env={**os.environ, "NO_MKDOCS_2_WARNING": "1"},
            check=True,
        )
        shutil.rmtree(old, ignore_errors=True)
        if site.exists():
            site.rename(old)
        new.rename(site)
        shutil.rmtree(old, ignore_errors=True)
        stamp.write_text(sources)
    return True


def fingerprint() -> str:
    """Return a hash of everything that the site is made from."""
    found = hashlib.sha256()
    for source in SOURCES:
        path = paths.REPOSITORY / source
        for file in sorted(path.rglob("*")) if path.is_dir() else [path]:
            if file.is_file() and "__pycache__" not in file.parts:
                found.update(f"{file.relative_to(paths.REPOSITORY)}\0".encode())
                found.update(hashlib.sha256(file.read_bytes()).digest())
    return found.hexdigest()


@require_safe
@gzip_page
def page(request: HttpRequest, path: str = "") -> HttpResponse:
    """Serve a file of the site. It needs no login: the documentation is no secret."""
    site = Path(settings.DATA) / "docs" / "site"
    if not site.exists():
        return render(request, "plain/no_documentation.html", status=404)
    file = Path(safe_join(str(site), path))
    try:
        if file.is_dir():
            if path and not path.endswith("/"):
                return HttpResponsePermanentRedirect(f"{request.path}/")
            file /= "index.html"
        if not file.is_file():
            raise Http404
    except OSError:  # no file can have a name this long
        raise Http404 from None
    response = HttpResponse(file.read_bytes(), content_type=guess_type(file.name)[0])
    changed = int(file.stat().st_mtime)
    response["Last-Modified"] = http_date(changed)
    response["Cache-Control"] = "no-cache"
    return get_conditional_response(request, last_modified=changed, response=response) or response


def main(words: list[str]) -> int:
    """Build the site from the command line. Return the exit code."""
    parser = argparse.ArgumentParser(description="Build the documentation into TALLY_DATA.")
    parser.add_argument("--strict", action="store_true", help="always build, and fail on broken links")
    try:
        if build(strict=parser.parse_args(words).strict):
            print(f"Built the documentation in {folder() / 'site'}")  # noqa: T201
    except subprocess.CalledProcessError as error:
        print(f"MkDocs failed (exit code {error.returncode}).", file=sys.stderr)  # noqa: T201
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
