"""A request as bytes, and what any dialect's answer says of each event in it."""

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
# Without the time that gzip puts into its header.
PACKED: dict[str, Callable[[bytes], bytes]] = {
    "gzip": lambda body: gzip.compress(body, mtime=0),
    "deflate": zlib.compress,
}


@dataclass(frozen=True)
class Request:
    """What is posted. Header values and the query are texts of Latin-1, as WSGI has them."""

    path: str
    body: bytes = b""
    content_type: str = JSON
    headers: dict[str, str] = field(default_factory=dict)
    query: str = ""


@dataclass(frozen=True)
class Answer:
    """What an answer says: a refusal of the whole has a code and no events."""

    status: int
    code: str = ""
    path: str = ""
    message: str = ""
    accepted: int = 0
    rejected: dict[int, str] = field(default_factory=dict)  # the code by index, "" for one not spelled out

    @property
    def events(self) -> int:
        """How many events the answer is about."""
        return self.accepted + len(self.rejected)


def send(sender: Sender, request: Request) -> Any:
    """Post it with the sender's key, unless it brings a header of its own."""
    return sender.client.generic(
        "POST",
        request.path,
        request.body,
        request.content_type,
        headers={"X-API-Key": sender.text} | request.headers,
        QUERY_STRING=request.query,
        CONTENT_TYPE=request.content_type,  # Django's client leaves it out where the body is empty
    )


def answer_of(request: Request, response: Any) -> Answer:
    """Read an answer, whatever its dialect; one that can't be read is an error."""
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
