"""A request as bytes, and the response of any dialect parsed into results per event."""

import gzip
import json
import zlib
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from ingestion.dialects import buildless_pb2
from ingestion.dialects.sunbird import PATHS
from tests.sending import STREAM, Sender

JSON = "application/json"
FORM = "application/x-www-form-urlencoded"
PROTOBUF = "application/x-protobuf"
NDJSON = "application/x-ndjson"
# Without a time in gzip's header, so that the same body gives the same bytes.
PACKED: dict[str, Callable[[bytes], bytes]] = {
    "gzip": lambda body: gzip.compress(body, mtime=0),
    "deflate": zlib.compress,
}


@dataclass(frozen=True)
class Request:
    """A request to post. Header values and the query are Latin-1 texts, as in WSGI."""

    path: str
    body: bytes = b""
    content_type: str = JSON
    headers: dict[str, str] = field(default_factory=dict)
    query: str = ""


@dataclass(frozen=True)
class Answer:
    """A parsed response. If the whole request was refused, it has a code and no events."""

    status: int
    code: str = ""
    path: str = ""
    message: str = ""
    accepted: int = 0
    rejected: dict[int, str] = field(
        default_factory=dict
    )  # codes by index, "" for events that are listed without details

    @property
    def events(self) -> int:
        """Number of events in the response."""
        return self.accepted + len(self.rejected)


def send(sender: Sender, request: Request) -> Any:
    """Post it with the sender's key, unless the request has a key header of its own."""
    return sender.client.generic(
        "POST",
        request.path,
        request.body,
        request.content_type,
        headers={"X-API-Key": sender.text} | request.headers,
        QUERY_STRING=request.query,
        CONTENT_TYPE=request.content_type,  # Django's client omits it if the body is empty
    )


def answer_of(request: Request, response: Any) -> Answer:
    """Parse a response of any dialect. Fail if it can't be parsed."""
    status = response.status_code
    if request.path.lstrip("/") in PATHS:
        return _sunbird(status, json.loads(response.content))
    if request.path == STREAM and status == 200:
        return _lines(status, [json.loads(line) for line in response.content.splitlines()])
    if status < 300:
        return Answer(status, accepted=1)
    error = _error(response)
    return Answer(status, error["code"], error["path"], error["message"])


def _sunbird(status: int, body: Any) -> Answer:
    if status != 200:
        return Answer(status, body["params"]["err"], message=body["params"]["errmsg"])
    result = body["result"]
    codes = {error["index"]: error["code"] for error in result["errors"]}
    rejected = {index: codes.get(index, "") for index in result["rejected_indexes"]}
    assert len(rejected) == result["rejected"], "each rejected index is named once"
    first = result["errors"][0] if result["errors"] else {"code": "", "path": "", "message": ""}
    return Answer(status, first["code"], first["path"], first["message"], result["accepted"], rejected)


def _lines(status: int, lines: list[Any]) -> Answer:
    errors = {index: line["error"] for index, line in enumerate(lines) if not line["ok"]}
    rejected = {index: error["code"] for index, error in errors.items()}
    first = next(iter(errors.values()), {"code": "", "path": "", "message": ""})
    return Answer(status, first["code"], first["path"], first["message"], len(lines) - len(errors), rejected)


def _error(response: Any) -> dict[str, str]:
    if response["Content-Type"] == PROTOBUF:
        problem = buildless_pb2.EventID.FromString(response.content).error
        return {"code": problem.code, "path": problem.path, "message": problem.message}
    found: dict[str, str] = json.loads(response.content)["error"]
    return found
