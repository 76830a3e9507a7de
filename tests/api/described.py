"""Helpers that read the API's OpenAPI document."""

from typing import Any

from telemetry_project.api import description


def parameters_of(operation: Any) -> list[dict[str, Any]]:
    """Return the parameters of an operation with their schemas, including shared ones."""
    components = description()["components"]

    def found(part: dict[str, Any], of: str) -> dict[str, Any]:
        return components[of][part["$ref"].rpartition("/")[2]] if "$ref" in part else part

    listed = [found(each, "parameters") for each in operation.get("parameters", ())]
    return [{**each, "schema": found(each["schema"], "schemas")} for each in listed]
