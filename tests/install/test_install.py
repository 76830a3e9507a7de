"""`requirements/install.py`, called as `make` calls it, with wheels from a folder instead of the network."""

import hashlib
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from importlib.metadata import distribution, version
from pathlib import Path
from threading import Thread
from zipfile import ZipFile, ZipInfo

import pytest

from requirements.install import UntranslatableError, for_uv

SCRIPT = Path(__file__).parents[2] / "requirements" / "install.py"
# Not the virtual environment's Python, which may lack pip.
PYTHON = Path(sys.base_prefix) / "bin" / f"python{sys.version_info[0]}.{sys.version_info[1]}"


def wheel(folder: Path, name: str, number: str, files: dict[str, bytes]) -> str:
    """Build a wheel and return its line for a lock."""
    about = f"{name}-{number}.dist-info"
    files |= {
        f"{about}/METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: {number}\n".encode(),
        f"{about}/WHEEL": b"Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    record = "".join(f"{path},,\n" for path in [*files, f"{about}/RECORD"])
    file = folder / f"{name}-{number}-py3-none-any.whl"
    with ZipFile(file, "w") as archive:
        for path, content in {**files, f"{about}/RECORD": record.encode()}.items():
            entry = ZipInfo(path)
            entry.external_attr = 0o100755 << 16
            archive.writestr(entry, content)
    return f"{name}=={number} --hash=sha256:{hashlib.sha256(file.read_bytes()).hexdigest()}\n"


@pytest.fixture(scope="module")
def shelf(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of wheels with a lock for each: the real uv, two releases of `parcel`, and `tool`."""
    folder = tmp_path_factory.mktemp("shelf")
    program = next(file for file in distribution("uv").files or [] if file.name == "uv")
    content = Path(str(program.locate())).read_bytes()
    lines = {
        "uv": wheel(folder, "uv", version("uv"), {f"uv-{version('uv')}.data/scripts/uv": content}),
        "broken": wheel(folder, "uv", "0.0.2", {"uv-0.0.2.data/scripts/uv": b"not a program"}),
        "old": wheel(folder, "parcel", "1.0", {"parcel.py": b"CONTENT = 1\n"}),
        "new": wheel(folder, "parcel", "2.0", {"parcel.py": b"CONTENT = 2\n"}),
        "tool": wheel(folder, "tool", "1.0", {"tool.py": b"\n"}),
    }
    (folder / "lines.json").write_text(json.dumps(lines))
    return folder


class Checkout:
    """A checkout with only the script and the locks."""

    def __init__(self, folder: Path, shelf: Path) -> None:
        self.folder = folder
        self.lines: dict[str, str] = json.loads((shelf / "lines.json").read_text())
        self.locks = folder / "requirements"
        self.locks.mkdir()
        shutil.copy(SCRIPT, self.locks)
        self.write("uv", "uv")
        self.write("base", "old")
        self.write("lake", "old")
        self.write("dev", "old", "tool")
        self.environment = {
            name: value for name, value in os.environ.items() if not name.startswith(("PIP_", "UV_"))
        } | {
            "PIP_CONFIG_FILE": os.devnull,
            "PIP_NO_INDEX": "1",
            "PIP_FIND_LINKS": str(shelf),
            "UV_CACHE_DIR": str(folder / "cache"),
        }

    def write(self, lock: str, *lines: str) -> None:
        (self.locks / f"{lock}.txt").write_text("".join(self.lines[line] for line in lines))

    def start(self, *words: str) -> "subprocess.Popen[str]":
        command = [str(PYTHON), str(self.locks / "install.py"), *words]
        return subprocess.Popen(
            command, env=self.environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        )

    def install(self, *words: str, code: int = 0) -> str:
        process = self.start(*words)
        shown, _ = process.communicate()
        assert process.returncode == code, shown
        return shown

    def parcel(self) -> str:
        python = self.folder / ".venv" / "bin" / "python"
        return subprocess.check_output(
            [python, "-c", "import parcel; print(parcel.CONTENT)"], text=True
        ).strip()

    def without_uv(self) -> None:
        (self.locks / "uv.txt").write_text("uv==0.0.1 --hash=sha256:" + "0" * 64 + "\n")


@pytest.fixture
def checkout(tmp_path: Path, shelf: Path) -> Checkout:
    return Checkout(tmp_path, shelf)


def test_uv_installs_once_and_dev_includes_base(checkout: Checkout) -> None:
    assert "Installed requirements/dev.txt with uv" in checkout.install("dev")
    assert checkout.install("dev") == checkout.install("lake") == checkout.install("base") == ""
    assert checkout.parcel() == "1"


def test_a_changed_lock_is_installed(checkout: Checkout) -> None:
    checkout.install("base")
    checkout.write("base", "new")

    assert "Making" not in checkout.install("base")
    assert checkout.parcel() == "2"


def test_pip_installs_if_uv_cannot_be_downloaded(checkout: Checkout) -> None:
    checkout.without_uv()

    shown = checkout.install("base")

    assert "uv can't install here, so pip does" in shown
    assert "with pip in" in shown
    assert checkout.parcel() == "1"


def test_pip_installs_if_uv_does_not_run(checkout: Checkout) -> None:
    checkout.write("uv", "broken")
    assert "with pip in" in checkout.install("base")
    assert checkout.parcel() == "1"


def test_pip_installs_if_its_options_have_no_equivalent_in_uv(checkout: Checkout) -> None:
    checkout.environment["PIP_ONLY_BINARY"] = ":all:"
    assert "only-binary" in checkout.install("base")
    assert checkout.parcel() == "1"


def test_a_file_with_another_hash_is_refused(checkout: Checkout) -> None:
    (checkout.locks / "base.txt").write_text("parcel==1.0 --hash=sha256:" + "0" * 64 + "\n")
    shown = checkout.install("base", code=1)
    assert "Installing requirements/base.txt failed" in shown
    assert "hash" in shown.lower()


def test_uv_uses_the_index_that_pip_is_configured_with(checkout: Checkout, shelf: Path) -> None:
    asked: list[str] = []

    class Index(SimpleHTTPRequestHandler):
        """A private package index: a page for each project, with links to its files."""

        def do_GET(self) -> None:
            asked.append(f"{self.headers['User-Agent'].split('/')[0]} {self.path}")
            if self.path.endswith(".whl"):
                self.path = "/" + self.path.rpartition("/")[2]
                super().do_GET()
                return
            project = self.path.strip("/").rpartition("/")[2]
            found = sorted(file.name for file in shelf.glob(f"{project}-*.whl"))
            page = "".join(f'<a href="/files/{name}">{name}</a>' for name in found).encode()
            self.send_response(200 if found else 404)
            self.send_header("Content-Type", "text/html")
            self.send_header("Content-Length", str(len(page)))
            self.end_headers()
            self.wfile.write(page)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class's name
            pass

    server = ThreadingHTTPServer(
        ("127.0.0.1", 0),
        lambda *given: Index(*given, directory=str(shelf)),
    )
    Thread(target=server.serve_forever, daemon=True).start()
    try:
        del checkout.environment["PIP_NO_INDEX"], checkout.environment["PIP_FIND_LINKS"]
        configured = checkout.folder / "pip.conf"
        configured.write_text(f"[global]\nindex-url = http://127.0.0.1:{server.server_port}/simple/\n")
        checkout.environment |= {"PIP_CONFIG_FILE": str(configured), "NO_PROXY": "127.0.0.1"}
        assert "with uv in" in checkout.install("base")
    finally:
        server.shutdown()
        server.server_close()

    assert {"pip /simple/uv/", "uv /simple/parcel/"} <= set(asked)


def test_an_interrupted_installation_is_redone(checkout: Checkout) -> None:
    process = checkout.start("base")
    deadline = time.monotonic() + 60
    state = checkout.folder / ".venv" / "installed.json"
    while not state.exists() and time.monotonic() < deadline:
        time.sleep(0.01)
    process.send_signal(signal.SIGKILL)
    process.communicate()
    assert not json.loads(state.read_text())["finished"]

    assert "Making .venv" in checkout.install("base")
    assert checkout.parcel() == "1"


def test_an_environment_whose_python_was_removed_is_rebuilt(checkout: Checkout) -> None:
    checkout.install("base")
    python = checkout.folder / ".venv" / "bin" / "python"
    python.unlink()
    python.symlink_to("/nowhere/python")

    assert "Making .venv" in checkout.install("base")
    assert checkout.parcel() == "1"


def test_an_environment_of_another_python_is_kept_without_this_python(checkout: Checkout) -> None:
    checkout.install("base")
    state = checkout.folder / ".venv" / "installed.json"
    python = checkout.folder / ".venv" / "bin" / "python"
    # There may be no second version on this machine, so a script pretends to be one.
    real = python.resolve()
    python.unlink()
    python.write_text(
        f'#!/bin/sh\nif [ "$1" = -I ]; then echo .cpython-39.so other; else exec {real} "$@"; fi\n'
    )
    python.chmod(0o755)
    told = json.loads(state.read_text())
    state.write_text(json.dumps({**told, "python": [".cpython-39.so", "other", told["python"][2]]}))

    assert checkout.install("base") == ""
    assert "Making .venv" in checkout.install("base", "--this-python")
    assert checkout.install("base", "--this-python") == ""


def test_a_moved_checkout_gets_a_new_environment(checkout: Checkout, shelf: Path) -> None:
    checkout.install("base")
    moved = checkout.folder / "moved"
    moved.mkdir()
    for name in (".venv", "requirements"):
        (checkout.folder / name).rename(moved / name)
    checkout.locks, checkout.folder = moved / "requirements", moved

    assert "Making .venv" in checkout.install("base")


def test_two_simultaneous_runs_install_once(checkout: Checkout) -> None:
    both = [checkout.start("base"), checkout.start("base")]

    shown = [process.communicate()[0] for process in both]

    assert [process.returncode for process in both] == [0, 0]
    assert sum("Making .venv" in text for text in shown) == 1
    assert checkout.parcel() == "1"


def test_pip_options_are_translated_for_uv(tmp_path: Path) -> None:
    flags, variables = for_uv(
        {
            "index-url": "https://mirror.example/simple",
            "extra-index-url": "https://a.example/simple https://b.example/simple",
            "find-links": f"{tmp_path} /nowhere",
            "trusted-host": "mirror.example",
            "cert": "/etc/company.pem",
            "proxy": "http://proxy.example:3128",
            "no-index": "false",
            "timeout": "60",
            "quiet": "1",
        }
    )
    assert flags == [
        "--index-strategy=unsafe-best-match",
        "--default-index=https://mirror.example/simple",
        "--index=https://a.example/simple",
        "--index=https://b.example/simple",
        f"--find-links={tmp_path}",
        "--allow-insecure-host=mirror.example",
    ]
    assert variables["SSL_CERT_FILE"] == "/etc/company.pem"
    assert variables["HTTPS_PROXY"] == "http://proxy.example:3128"
    assert variables["UV_HTTP_TIMEOUT"] == "60"


def test_an_option_without_an_equivalent_in_uv_is_named() -> None:
    with pytest.raises(UntranslatableError, match="only-binary"):
        for_uv({"only-binary": ":all:"})
