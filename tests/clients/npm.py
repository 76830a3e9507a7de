"""npm clients, installed once per lock file into var/ and run by Node in a temporary folder."""

import hashlib
import json
import shutil
import subprocess
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from telemetry_project.stack.paths import REPOSITORY
from tests.needs import require

HERE = Path(__file__).parent
MANIFEST = ("package.json", "package-lock.json", ".npmrc")
INSTALL_SECONDS = 600
RUN_SECONDS = 180


def installed() -> Path:
    """Return the folder with the locked `node_modules`, installing them if necessary."""
    for name in ("node", "npm"):
        require(name, shutil.which(name), "install Node.js 20 with npm, or run `.ci/install-machine`.")
    digest = hashlib.sha256(b"".join((HERE / name).read_bytes() for name in MANIFEST)).hexdigest()
    folder = REPOSITORY / "var" / "clients" / digest[:16]
    if not (folder / "node_modules").is_dir():
        _install(folder)
    return folder


def _install(folder: Path) -> None:
    """Install into a temporary folder and rename it, so that other runs see either everything or nothing."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder.parent) as aside:
        for name in MANIFEST:
            shutil.copy(HERE / name, aside)
        done = subprocess.run(
            ["npm", "ci"],
            cwd=aside,
            capture_output=True,
            text=True,
            timeout=INSTALL_SECONDS,
            check=False,
        )
        require("the npm clients", done.returncode == 0, f"`npm ci` failed: {done.stderr[-2000:]}")
        made = Path(aside) / "made"
        made.mkdir()
        (Path(aside) / "node_modules").rename(made / "node_modules")
        try:
            made.rename(folder)
        except OSError:
            # Another run was faster, which is fine; other errors aren't.
            if not (folder / "node_modules").is_dir():
                raise


class Clients:
    """The scripts of this folder and the installed packages, ready to run."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        (folder / "node_modules").symlink_to(installed() / "node_modules")
        for file in (*HERE.glob("*.mjs"), *HERE.glob("*.html"), HERE / "sunbird-calls.json"):
            shutil.copy(file, folder)

    def run(self, script: str, *arguments: str, environment: Mapping[str, str]) -> Any:
        """Run a script, and return the last line of its output, which is JSON.

        Node ends when nothing is left to do, so a client that keeps retrying runs into the time limit.
        """
        node = shutil.which("node")
        assert node is not None, "installed() has seen it"
        done = subprocess.run(
            [node, script, *arguments],
            cwd=self.folder,
            env={"PATH": str(Path(node).parent), **environment},
            capture_output=True,
            text=True,
            timeout=RUN_SECONDS,
            check=False,
        )
        assert done.returncode == 0, f"{script} failed:\n{done.stdout}\n{done.stderr}"
        return json.loads(done.stdout.splitlines()[-1])

    def bundle(self, script: str, **packages: str) -> str:
        """Bundle a script for browsers, as applications do, and return the file's name.

        `packages` maps imported names to the names of installed packages.
        """
        made = f"{Path(script).stem}.bundle.js"
        aliases = [f"--alias:{name}={other}" for name, other in packages.items()]
        subprocess.run(
            [self.folder / "node_modules/.bin/esbuild", script, "--bundle", f"--outfile={made}", *aliases],
            cwd=self.folder,
            capture_output=True,
            timeout=RUN_SECONDS,
            check=True,
        )
        return made
