"""Sends the first requests of a new web process all at once, and prints the statuses.

`python -m tests.http.first_requests FILE`: FILE has a JSON list of [path, content type, query, headers, body
in base64]. Threads switch as often as possible, which exposes races in anything that is built lazily.
"""

import base64
import io
import json
import os
import sys
from collections import Counter
from pathlib import Path
from threading import Barrier, Thread
from typing import Any

THREADS = 16


def main(file: str) -> None:
    """Send each request from all threads at once, right after importing the application."""
    os.environ["DJANGO_SETTINGS_MODULE"] = "telemetry_project.settings"
    from telemetry_project.wsgi import application  # as a web process does before serving

    requests = json.loads(Path(file).read_text())
    barrier = Barrier(THREADS)
    statuses: list[Counter[str]] = [Counter() for _ in range(THREADS)]
    threads = [Thread(target=_send, args=(application, requests, barrier, mine)) for mine in statuses]
    sys.setswitchinterval(1e-6)
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    print(json.dumps(sum(statuses, Counter())))  # noqa: T201  (its output)


def _send(application: Any, requests: list[Any], barrier: Barrier, statuses: Counter[str]) -> None:
    for request in requests:
        environ = _environ(*request)
        barrier.wait()
        response = application(environ, lambda status, _: statuses.update([status[:3]]))
        b"".join(response)
        if close := getattr(response, "close", None):
            close()


def _environ(path: str, content_type: str, query: str, headers: dict[str, str], body: str) -> dict[str, Any]:
    content = base64.b64decode(body)
    return {
        "REQUEST_METHOD": "POST",
        "SCRIPT_NAME": "",
        "PATH_INFO": path,
        "QUERY_STRING": query,
        "CONTENT_TYPE": content_type,
        "CONTENT_LENGTH": str(len(content)),
        "REMOTE_ADDR": "127.0.0.1",
        "SERVER_NAME": "localhost",
        "SERVER_PORT": "80",
        "SERVER_PROTOCOL": "HTTP/1.1",
        "wsgi.input": io.BytesIO(content),
        "wsgi.errors": sys.stderr,
        "wsgi.url_scheme": "http",
        "wsgi.version": (1, 0),
        "wsgi.multithread": True,
        "wsgi.multiprocess": True,
        "wsgi.run_once": False,
    } | {f"HTTP_{name.upper().replace('-', '_')}": value for name, value in headers.items()}


if __name__ == "__main__":
    main(sys.argv[1])
