"""The OpenAPI document is valid and complete, its examples are accepted, and its page needs no network."""

import ast
import json
import re
from collections import Counter, defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.contrib.staticfiles import finders
from django.test import Client
from drf_spectacular.drainage import GENERATOR_STATS
from drf_spectacular.generators import SchemaGenerator
from drf_spectacular.validation import validate_schema

from events.api.problems import PROBLEMS
from events.kinds import KINDS
from ingestion.documentation import examples, schemas
from ingestion.receiving.urls import urlpatterns
from telemetry_project.api import description, router
from telemetry_project.stack.paths import REPOSITORY
from tests.api.described import parameters_of
from tests.sending import AVAILITY, EMIT, SUNBIRD, Sender, file_all, now_ms


@pytest.fixture(scope="module")
def document() -> Any:
    return json.loads(json.dumps(description(), default=str))


@pytest.mark.slow
def test_the_document_is_valid_openapi_3_1_generated_without_warnings(document: Any) -> None:
    GENERATOR_STATS.reset()
    validate_schema(SchemaGenerator().get_schema(request=None, public=True))
    assert document["openapi"] == "3.1.0"
    assert not GENERATOR_STATS


def test_the_document_is_public(client: Client, document: Any) -> None:
    response = client.get("/api/schema/")
    assert (response.status_code, response.json()) == (200, document)
    assert client.get("/api/schema/", headers={"If-None-Match": response["ETag"]}).status_code == 304


def test_the_document_has_every_list_of_the_router(document: Any) -> None:
    assert {f"/api/v1/{prefix}/" for prefix, _, _ in router.registry} <= set(document["paths"])


def test_the_document_has_every_ingest_endpoint_and_refusal(document: Any) -> None:
    answers: dict[str, str] = defaultdict(str)
    for pattern in urlpatterns:
        operation = document["paths"][f"/{pattern.pattern}"]["post"]
        assert "requestBody" in operation or operation["operationId"] == "ping_buildless"
        for status, answer in operation["responses"].items():
            answers[status] += answer["description"]
            assert answer.get("content") or status == "201", operation["operationId"]
    # A wrong path or method is no operation.
    refusals = {each for each in refusals_in_code() if each[0] not in ("404", "405")}
    assert len(refusals) > 20
    for status, code in refusals:
        assert f"`{code}`" in answers[status], (status, code)


def refusals_in_code() -> Iterator[tuple[str, str]]:
    """Statuses and codes of all refusals."""
    for file in (REPOSITORY / "ingestion").rglob("*.py"):
        for node in ast.walk(ast.parse(file.read_text())):
            name = node.func.id if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) else ""
            arguments = node.args if isinstance(node, ast.Call) else []
            if name == "_unauthorised":
                arguments = [ast.Constant(401), *arguments]
            if name in ("Refused", "_unauthorised") and isinstance(arguments[1], ast.Constant):
                yield ast.unparse(arguments[0]), str(arguments[1].value)


def test_operations_have_names_that_read_as_functions(document: Any) -> None:
    ids = [operation["operationId"] for item in document["paths"].values() for operation in item.values()]
    verbs = Counter(each.partition("_")[0] for each in ids)
    assert len(set(ids)) == len(ids)
    assert all(re.fullmatch("[a-z]+(_[a-z0-9]+)+", each) for each in ids)
    assert {"list_events", "get_event", "list_log_events", "list_session_events", "create_export"} <= set(ids)
    assert verbs["list"] > 30


def test_the_change_feed_has_the_filters_of_events(document: Any) -> None:
    feed, events = (
        {each["name"] for each in parameters_of(document["paths"][f"/api/v1/{name}/"]["get"])}
        for name in ("changes", "events")
    )
    assert events - feed == {"cursor", "page_size", "ordering", "format"}


def test_columns_of_kinds_are_described_by_their_help_texts(document: Any) -> None:
    for entry in KINDS.values():
        properties = document["components"]["schemas"][f"{entry.model.__name__}Event"]["properties"]
        for column in (*entry.model.columns(), *entry.model.computed()):
            assert properties[column.attname]["description"] == column.help_text


def test_the_examples_are_accepted(sender: Sender) -> None:
    for number, (name, url) in enumerate((("sunbird", SUNBIRD), ("availity", AVAILITY), ("buildless", EMIT))):
        assert sender.post(url, examples.examples(now_ms())[name]).status_code in (200, 201)
        assert file_all().stored == 1, (number, name)


@pytest.mark.parametrize("kind", KINDS)
def test_hard_fields_of_a_kind_are_required(kind: str) -> None:
    entry = KINDS[kind]
    for leaf in entry.model.leaves():
        schema: Any = schemas.sent(entry)
        for name in leaf.path:
            is_required = name in schema.get("required", ())
            schema = schema["properties"][name]
            assert is_required or leaf.need.name != "HARD", leaf.dotted


def test_the_api_page_loads_everything_from_tally(client: Client) -> None:
    page = client.get("/api/docs/").content.decode()
    addresses = re.findall(r'(?:src|href|data-schema)="([^"]+)"', page)
    assert len(addresses) == 9
    for address in addresses:
        assert address.startswith("/")
        if address.startswith("/static/"):
            assert finders.find(address.removeprefix("/static/")), address
    assert "<style" not in page
    assert not re.search(r"<script(?![^>]* src=)", page)


def test_the_page_of_problems_explains_each_code(client: Client) -> None:
    page = client.get("/api/problems/").content.decode()
    assert set(re.findall(r'<dt id="(\w+)">', page)) == set(PROBLEMS)
    script = finders.find("events/docs.js")
    assert script
    assert "http" not in Path(str(script)).read_text()
