"""OpenAPI of the read API: everything that drf-spectacular can't derive from our endpoints."""

import json
import re
from collections import Counter, defaultdict
from collections.abc import Iterator
from typing import Any

from drf_spectacular.extensions import OpenApiAuthenticationExtension
from drf_spectacular.openapi import AutoSchema

from events.api import lines
from events.api.change_stream import EventStreamRenderer
from events.api.endpoint import FIELDS, Endpoint, Selectable
from events.api.operation_ids import operation_id
from events.api.pagination import KEPT_SINCE
from events.api.problems import MEDIA_TYPE, PROBLEMS
from events.api.serializers import Members
from events.exports.formats import EXPORT_FORMATS

SHARED_BY = 3  # endpoints, from which on a parameter is described once
_TEXT = {"type": "string"}
PROBLEM = {
    "type": "object",
    "description": "Problem details (RFC 9457).",
    "required": ["type", "title", "status", "detail", "instance", "code"],
    "properties": {
        "type": {**_TEXT, "format": "uri-reference", "description": "Address that explains the code."},
        "title": {**_TEXT, "description": "What problems of this code have in common."},
        "status": {"type": "integer"},
        "detail": {**_TEXT, "description": "What happened in this case."},
        "instance": {**_TEXT, "description": "The requested path."},
        "code": {**_TEXT, "enum": sorted(PROBLEMS), "description": "Stable: programs can rely on it."},
        "errors": {"type": "object", "description": "Messages by parameter or field."},
        "known": {"type": "array", "items": _TEXT, "description": "The parameters that exist."},
    },
}
# Of `reports`, which this app doesn't know, and no list has them.
CLOSED_MONTH = {
    "type": "object",
    "description": "A month that was closed, with its charges.",
    "required": ["month", "charges"],
    "properties": {
        "id": {"type": "integer"},
        "owner": {"type": "string"},
        "month": {"type": "string", "format": "date"},
        "currency": {"type": "string"},
        "closed_at": {"type": "string", "format": "date-time"},
        "list_cost": {"type": "string"},
        "cost": {"type": "string"},
        "charges": {"type": "array", "items": {"type": "object", "additionalProperties": True}},
    },
}
# Our parameters that no filter declares.
_PARAMETERS = {
    "strict": {
        "schema": {"type": "string", "enum": ["true", "false"]},
        "description": "true leaves out fields that the reference pipeline doesn't know.",
    },
}
_LIMITS = {
    name: {"description": description, "schema": {"type": "integer"}}
    for name, description in (
        ("Retry-After", "Seconds until the next request is accepted."),
        ("RateLimit-Limit", "Number of requests that may be sent at once."),
        ("RateLimit-Remaining", "Number of these that are left."),
        ("RateLimit-Reset", "Seconds until all of them are available again."),
    )
}
_KEPT_SINCE = {
    KEPT_SINCE: {
        "description": (
            "Where the list would go further back: the time since when its rows are kept. Older ones were"
            " removed (`RETENTION_WEEKS`)."
        ),
        "schema": {"type": "string", "format": "date-time"},
    }
}
_FORMAT = {
    "schema": {"type": "string", "enum": [lines.JSON, lines.NDJSON], "default": lines.JSON},
    "description": "ndjson returns up to 5,000 events as lines, or as many as `page_size` says.",
}
_NEXT = {
    "Link": {"description": "Of lines: the address of the next ones.", "schema": {"type": "string"}},
}
_NOT_MODIFIED = {"description": "Nothing has changed since the response that `If-None-Match` names."}
_MOVED = {"description": "The session has a different ID now: see `Location`."}
# Names of enumerations that aren't called as their parameter.
ENUMERATIONS = {
    "kind": "EventKind",
    "group": "PeriodLength",
    "permissions": "Permission",
    "type": "KeyType",
    "what": "WebhookContent",
}
DOWNLOAD_PATH = "/api/v1/exports/download/{token}/"


def complete(result: dict[str, Any], **_: object) -> dict[str, Any]:
    """Add the schema shared by all errors. A hook of drf-spectacular."""
    schemas = result["components"]["schemas"]
    schemas["Problem"] = PROBLEM
    schemas["ClosedMonth"] = CLOSED_MONTH
    for schema in schemas.values():
        for member in schema.get("properties", {}).values():
            # A member of any type may already be null. Declaring both would make it invalid.
            if member.get("oneOf") == [{}, {"type": "null"}]:
                del member["oneOf"]
    result["paths"][DOWNLOAD_PATH] = {"get": _download()}
    _share_values(result)
    _name_values(result)
    _share_parameters(result)
    return result


def _share_values(result: dict[str, Any]) -> None:
    """Describe enumerations of several places once, as components that generators name types after."""
    places: dict[frozenset[str], list[tuple[str, dict[str, Any]]]] = defaultdict(list)
    for name, found in _named_schemas(result):
        schema = found.get("items", found)
        if schema.get("type") == "string" and None not in schema.get("enum", [None]):
            places[frozenset(schema["enum"])].append((name, schema))
    schemas = result["components"]["schemas"]
    for uses in places.values():
        if len(uses) == 1:
            continue
        names = Counter(name for name, _ in uses)
        name = min(names, key=lambda each: (-names[each], each))
        component = ENUMERATIONS.get(name) or "".join(map(str.capitalize, name.split("_")))
        assert component not in schemas, f"two components are called {component}"
        schemas[component] = {**_TEXT, "enum": uses[0][1]["enum"]}
        for _, schema in uses:
            del schema["enum"], schema["type"]
            schema["$ref"] = f"#/components/schemas/{component}"


def _named_schemas(part: Any) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield the schemas of parameters and properties in a part of the document, with their names."""
    if isinstance(part, list):
        for each in part:
            yield from _named_schemas(each)
    elif isinstance(part, dict):
        if isinstance(schema := part.get("schema"), dict) and "in" in part:
            yield part["name"], schema
        if isinstance(properties := part.get("properties"), dict):
            yield from ((each, schema) for each, schema in properties.items() if isinstance(schema, dict))
        for each in part.values():
            yield from _named_schemas(each)


def _name_values(schema: Any) -> None:
    """Name the values of enumerations that make no names themselves, such as `-occurred_at`."""
    if isinstance(schema, list):
        for each in schema:
            _name_values(each)
    if not isinstance(schema, dict):
        return
    schema.pop("x-spec-enum-id", None)  # of drf-spectacular, for itself
    values = schema.get("enum")
    if isinstance(values, list) and any(isinstance(each, str) and not each[:1].isalpha() for each in values):
        schema["x-enum-varnames"] = [_value_name(str(each)) for each in values if each is not None]
    for each in schema.values():
        _name_values(each)


def _value_name(value: str) -> str:
    if value.startswith("-"):
        return f"{_value_name(value[1:])}_DESCENDING"
    name = re.sub(r"\W", "_", value).upper() or "EMPTY"
    return name if name[0].isalpha() else f"VALUE_{name}"


def _download() -> dict[str, Any]:
    """Return the operation that downloads an export, whose view isn't DRF's."""
    files = {each.type: {"schema": {"type": "string"}} for each in EXPORT_FORMATS.values()}
    return {
        "operationId": "download_export",
        "tags": ["exports"],
        "description": "Return the file of an export. `download_url` of the export is this address.",
        "parameters": [{"name": "token", "in": "path", "required": True, "schema": _TEXT}],
        "security": [{}],
        "responses": {
            "200": {"description": "The file, in the format of the export.", "content": files},
            "404": _problem("404"),
        },
    }


def _share_parameters(result: dict[str, Any]) -> None:
    """Describe parameters that several endpoints have once: filters by columns of the envelope are many."""
    lists = [
        operation["parameters"]
        for methods in result["paths"].values()
        for operation in methods.values()
        if "parameters" in operation
    ]
    counts = Counter(json.dumps(each, sort_keys=True) for parameters in lists for each in parameters)
    shared: dict[str, Any] = {}
    for text, count in counts.most_common():
        name = json.loads(text)["name"]
        if count >= SHARED_BY and name not in shared:
            shared[name] = json.loads(text)
    for parameters in lists:
        parameters[:] = [
            {"$ref": f"#/components/parameters/{each['name']}"}
            if shared.get(each["name"]) == json.loads(json.dumps(each))
            else each
            for each in parameters
        ]
    result["components"]["parameters"] = dict(sorted(shared.items()))


class KeyScheme(OpenApiAuthenticationExtension):
    """The secret key, as security scheme."""

    target_class = "events.api.authentication.KeyAuthentication"
    name = "key"

    def get_security_definition(self, auto_schema: object) -> dict[str, object]:
        """Return the bearer scheme."""
        return {"type": "http", "scheme": "bearer", "description": "A secret key: tally_sk_…"}


class Schema(AutoSchema):
    """Adds what all endpoints share: `fields`, conditional answers, problem details."""

    def _get_parameters(self) -> list[dict[str, object]]:
        parameters: list[dict[str, object]] = super()._get_parameters()
        if not isinstance(self.view, Endpoint):
            return parameters
        parameters += self.view.described_parameters()
        serializer = self.view.get_serializer_class()  # type: ignore[attr-defined]  # of generic views
        if issubclass(serializer, Selectable) and self.method == "GET":
            parameters.append(_fields(serializer))
        if self._has_lines():
            parameters.append({"name": lines.FORMAT, "in": "query", "required": False, **_FORMAT})
        parameters += [
            {"name": name, "in": "query", "required": False, **_PARAMETERS[name]}
            for name in self.view.parameters
            if name in _PARAMETERS  # the others are declared by their views
        ]
        return sorted(parameters, key=lambda parameter: str(parameter["name"]))

    def get_operation_id(self) -> str:
        """Return the name that generators give to the function."""
        if isinstance(self.view, Endpoint):
            return operation_id(self.view, self.path, self.method)
        return str(super().get_operation_id())

    def _has_lines(self) -> Any:
        view: Any = self.view
        return view.has_lines and view.action == "list"

    def _get_response_bodies(self, direction: Any = "response") -> dict[str, Any]:
        bodies: dict[str, Any] = super()._get_response_bodies(direction)
        if isinstance(self.view, Endpoint):
            if getattr(getattr(self.view, "paginator", None), "begin", ""):
                bodies["200"]["headers"] = _KEPT_SINCE
            if EventStreamRenderer in self.view.renderer_classes:
                bodies["200"]["content"][EventStreamRenderer.media_type] = {"schema": _TEXT}
            if self._has_lines():
                bodies["200"]["content"][EXPORT_FORMATS[lines.NDJSON].type] = {"schema": {"type": "string"}}
                bodies["200"]["headers"] = bodies["200"]["headers"] | _NEXT
            bodies |= {"304": _NOT_MODIFIED} if self.method == "GET" else {}
            bodies |= {"308": _MOVED} if "sessions/{id}" in self.path else {}
            bodies |= {status: _problem(status) for status in _statuses()}
        return bodies


def _statuses() -> list[str]:
    return sorted({str(problem.status) for problem in PROBLEMS.values()})


def _problem(status: str) -> dict[str, object]:
    codes = [f"`{code}`" for code, problem in PROBLEMS.items() if str(problem.status) == status]
    headers = {"headers": _LIMITS} if status == "429" else {}
    return headers | {
        "description": f"{', '.join(codes)}.",
        "content": {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}},
    }


def _choosable(serializer: type[Selectable]) -> str:
    if issubclass(serializer, Members):
        return "They are the members of the response, everything that is a filter, and `wire`."
    return f"They are {', '.join(serializer.selectable())}."


def _fields(serializer: type[Selectable]) -> dict[str, object]:
    return {
        "name": FIELDS,
        "in": "query",
        "required": False,
        "style": "form",
        "explode": False,
        "schema": {"type": "array", "items": _TEXT},
        "description": "Fields to include in the response, separated by commas. Others are left out."
        f" {_choosable(serializer)}",
    }
