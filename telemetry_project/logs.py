"""Logs: one line per record, with limits on warnings that strangers can cause."""

import logging
import re
import time
from threading import Lock
from typing import Any

# Control characters of ASCII and Latin-1, and characters that some viewers treat as the end of a line or a
# change of direction. Tabs are harmless.
_UNSAFE = re.compile(
    "[\x00-\x08\x0a-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028\u2029\u202a-\u202e\u2066-\u2069\ud800-\udfff]"
)
_ESCAPES = {"\n": "\\n", "\r": "\\r"}

# Loggers of warnings that anybody on the network can cause at will.
OF_STRANGERS = ("django.security", "django.request", "django.server")
PER_MINUTE = 10  # records of each logger
MINUTE = 60.0  # seconds


def escaped(text: str) -> str:
    """Return a text with characters escaped that end a line or control a terminal."""
    return _UNSAFE.sub(_escape, text)


def _escape(found: re.Match[str]) -> str:
    character = found[0]
    code = ord(character)
    return _ESCAPES.get(character) or (f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}")


class OneLine(logging.Formatter):
    """Formatter of records as one line, followed by the traceback with a bar before each line.

    So no line of the log starts with a date that a stranger wrote.
    """

    def format(self, record: logging.LogRecord) -> str:
        """Return the record as text, and format its traceback even if another formatter cached one."""
        if record.exc_info:
            record.exc_text = None
        return super().format(record)

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802  (logging names it)
        """Return the line without its traceback, escaped."""
        return escaped(super().formatMessage(record))

    def formatException(self, ei: Any) -> str:  # noqa: N802  (as above)
        """Return the traceback, each line escaped and marked."""
        return _marked(super().formatException(ei))

    def formatStack(self, stack_info: str) -> str:  # noqa: N802  (as above)
        """Return the stack, each line escaped and marked."""
        return _marked(super().formatStack(stack_info))


def _marked(text: str) -> str:
    return "\n".join(f"| {escaped(line)}" for line in text.split("\n"))


class LimitStrangers(logging.Filter):
    """Limit of the warnings a minute that strangers can cause; the next one says how many were left out."""

    def __init__(self) -> None:
        super().__init__()
        self._lock = Lock()
        self._began: dict[str, float] = {}
        self._seen: dict[str, int] = {}

    def filter(self, record: logging.LogRecord) -> bool:
        """True if the record is to be written."""
        name = next((each for each in OF_STRANGERS if f"{record.name}.".startswith(f"{each}.")), "")
        if not name or (record.levelno >= logging.ERROR and not name.startswith("django.security")):
            return True
        with self._lock:
            now = time.monotonic()
            if now - self._began.get(name, -MINUTE) >= MINUTE:
                left_out = max(0, self._seen.get(name, 0) - PER_MINUTE)
                self._began[name], self._seen[name] = now, 0
                if left_out:
                    record.msg = f"{record.getMessage()} ({left_out:,} others like it were not logged)"
                    record.args = ()
            self._seen[name] += 1
            return self._seen[name] <= PER_MINUTE
