"""Readers of the change feed can wait on the real server without blocking others."""

import json
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from http.client import HTTPConnection, HTTPResponse
from typing import Any
from urllib.parse import urlencode

import pytest
from django.utils import timezone

from events.ownership.api_key import KeyType
from tests.http.wire import PATIENCE
from tests.sending import MakeSender, Sender, file_all, log_event
from tests.serving import HOST, Server

CHANGES = "/api/v1/changes/"
MANY = 60  # readers, on a server with eight slots
STREAM = "text/event-stream"


@pytest.fixture
def reader(transactional_db: None, make_sender: MakeSender) -> Sender:
    return make_sender(kind=KeyType.SECRET)


@contextmanager
def asking(
    production: Server, key: str, accept: str = "*/*", last: str = "", **params: Any
) -> Iterator[HTTPResponse]:
    """Open a request, and yield the response before its body is read."""
    line = HTTPConnection(HOST, production.port, timeout=2 * PATIENCE)
    headers = {"Authorization": f"Bearer {key}", "Accept": accept} | ({"Last-Event-ID": last} if last else {})
    line.request("GET", f"{CHANGES}?{urlencode(params)}", headers=headers)
    try:
        yield line.getresponse()
    finally:
        line.close()


def ask(production: Server, key: str, **params: Any) -> Any:
    with asking(production, key, **params) as answer:
        assert answer.status == 200, answer.read()
        return json.loads(answer.read())


def now(production: Server, key: str) -> str:
    cursor: str = ask(production, key, after="now")["next_cursor"]
    return cursor


def file(sender: Sender, mid: str) -> None:
    sender.batch(log_event(mid))
    file_all()


def mids(answer: Any) -> list[str]:
    return [each["client_event_id"] for each in answer["results"]]


def test_readers_wait_for_new_events_without_blocking_others(production: Server, reader: Sender) -> None:
    cursor = now(production, reader.text)
    with ThreadPoolExecutor(MANY) as pool:
        waiting = [pool.submit(ask, production, reader.text, after=cursor, wait=60) for _ in range(MANY)]
        for _ in range(5):
            assert ask(production, reader.text, after=cursor) == {"results": [], "next_cursor": cursor}
        assert not any(each.done() for each in waiting)
        file(reader, "news")
        answers = [each.result() for each in waiting]
    assert [mids(answer) for answer in answers] == [["news"]] * MANY
    assert len({answer["next_cursor"] for answer in answers}) == 1


def test_now_waits_for_events_after_the_request(production: Server, reader: Sender) -> None:
    file(reader, "old")
    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(ask, production, reader.text, after="now", wait=60)
        numbers = iter(range(1_000))
        while not waiting.done():  # the first events may be filed before the request arrives
            file(reader, f"new {next(numbers)}")
            time.sleep(0.2)
    assert mids(waiting.result())[0].startswith("new ")


def test_events_of_other_owners_end_no_wait(
    production: Server, reader: Sender, make_sender: MakeSender
) -> None:
    other = make_sender("Other", kind=KeyType.SECRET)
    cursor = now(production, reader.text)
    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(ask, production, reader.text, after=cursor, wait=2)
        file(other, "not for you")
        assert waiting.result() == {"results": [], "next_cursor": cursor}


def messages(answer: HTTPResponse) -> Iterator[tuple[str, Any]]:
    """Yield the messages of a stream with their IDs as they arrive."""
    last = ""
    while line := answer.readline():
        name, _, value = line.decode().strip().partition(": ")
        if name == "id":
            last = value
        elif name == "data":
            yield last, json.loads(value)


def test_a_stream_sends_new_events_and_resumes_after_the_last_id(production: Server, reader: Sender) -> None:
    file(reader, "m1")
    with asking(production, reader.text, STREAM) as answer:
        assert (answer.status, answer.getheader("Content-Type")) == (200, f"{STREAM}; charset=utf-8")
        stream = messages(answer)
        first, event = next(stream)
        assert event["client_event_id"] == "m1"
        file(reader, "m2")
        second, event = next(stream)
        assert event["client_event_id"] == "m2"
    assert mids(ask(production, reader.text, after=first)) == ["m2"]
    assert mids(ask(production, reader.text, after=second)) == []
    with asking(production, reader.text, STREAM, last=first) as answer:
        _, event = next(messages(answer))
    assert event["client_event_id"] == "m2"


def test_many_streams_do_not_block_others_and_end_with_the_key(production: Server, reader: Sender) -> None:
    with ExitStack() as opened:
        answers = [
            opened.enter_context(asking(production, reader.text, STREAM, after="now")) for _ in range(MANY)
        ]
        assert {answer.readline() for answer in answers} == {b"retry: 2000\n"}
        assert ask(production, reader.text)["results"] == []
        file(reader, "for all")
        streams = [messages(answer) for answer in answers]
        assert {next(stream)[1]["client_event_id"] for stream in streams} == {"for all"}
        reader.key.revoked_at = timezone.now()
        reader.key.save()
        assert [list(stream) for stream in streams] == [[]] * MANY, "they end"


def test_errors_of_streams_are_problems(production: Server, reader: Sender) -> None:
    with asking(production, reader.text, STREAM, last="nonsense") as answer:
        assert (answer.status, json.loads(answer.read())["code"]) == (400, "bad_cursor")
        assert answer.getheader("Content-Type") == "application/problem+json"
