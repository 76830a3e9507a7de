"""Posting one message over HTTP: to an address that was checked, within a time, without redirects."""

import socket
import ssl
import threading
import time
from collections.abc import Mapping
from contextlib import suppress
from typing import Any

from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.exceptions import HTTPError

from events.webhooks import addresses
from events.webhooks.addresses import RefusedAddress

READ = 1 << 16  # bytes of a response that are read, so that most senders can finish it; nothing uses them


class NotPosted(Exception):
    """A message that got no response, with the reason as a sentence."""


def post(url: str, body: bytes, headers: Mapping[str, str], seconds: float) -> int:
    """Post a body, and return the status of the response. Raises `NotPosted`.

    The name is resolved and checked each time, and the connection goes to an address that was checked. TLS
    and the Host header are about the name.
    """
    until = time.monotonic() + seconds
    try:
        parts, port = addresses.split(url)
        host = str(parts.hostname)
        found = addresses.resolve(host, port)
    except RefusedAddress as refused:
        raise NotPosted(str(refused)) from refused
    target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    connected = _connected(found, port, until)
    # A time limit of sockets is for each read, so a server could send a byte now and then for ever.
    with connected.dup() as handle:
        timer = threading.Timer(max(0.0, until - time.monotonic()), _shut, [handle])
        timer.daemon = True
        timer.start()
        connection = _pinned(parts.scheme, host, port, connected, seconds)
        try:
            connection.request("POST", target, body, headers, preload_content=False, decode_content=False)
            response = connection.getresponse()
            if time.monotonic() >= until:  # an end of headers that were cut off looks like their end
                raise TimeoutError
            with suppress(HTTPError, OSError):
                response.read(READ)
        except (HTTPError, OSError, ValueError) as error:
            raise NotPosted(_reason(error, until, seconds)) from error
        finally:
            timer.cancel()
            connection.close()
            connected.close()
    return response.status


def _connected(found: list[addresses.Address], port: int, until: float) -> socket.socket:
    """Connect to the first address that accepts. Raises `NotPosted`."""
    for address in found:
        left = until - time.monotonic()
        if left <= 0:
            break
        with suppress(OSError):
            return socket.create_connection((str(address), port), timeout=left)
    raise NotPosted("The host doesn't accept connections.")


def _pinned(scheme: str, host: str, port: int, connected: socket.socket, seconds: float) -> HTTPConnection:
    """Return a connection of urllib3 to a host, over a socket that is connected already."""
    secure = {"ssl_context": ssl.create_default_context()} if scheme == "https" else {}
    kind: Any = HTTPSConnection if secure else HTTPConnection
    connection: HTTPConnection = kind(host, port=port, timeout=seconds, **secure)
    connection._new_conn = lambda: connected  # type: ignore[method-assign]
    return connection


def _shut(handle: socket.socket) -> None:
    with suppress(OSError):  # it ended at this moment
        handle.shutdown(socket.SHUT_RDWR)


def _reason(error: Exception, until: float, seconds: float) -> str:
    if time.monotonic() >= until or isinstance(error, TimeoutError):
        return f"No complete response within {seconds:g} s."
    if isinstance(error, ssl.SSLError) or isinstance(error.__cause__, ssl.SSLError):
        return "The TLS connection failed: the certificate must be valid for the host."
    return "The connection broke off before a response."
