"""Helpers that read the API's OpenAPI document."""

from typing import Any

from telemetry_project.api import description


def parameters_of(operation: Any) -> list[dict[str, Any]]:
    """Return the parameters of an operation, including shared ones."""
    shared = description()["components"]["parameters"]
    listed = operation.get("parameters", ())
    return [shared[each["$ref"].rpartition("/")[2]] if "$ref" in each else each for each in listed]
