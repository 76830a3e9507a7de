"""The API's description, as tests read it."""

from typing import Any

from telemetry_project.api import description


def parameters_of(operation: Any) -> list[dict[str, Any]]:
    """The parameters of an operation, those that several share among them."""
    shared = description()["components"]["parameters"]
    listed = operation.get("parameters", ())
    return [shared[each["$ref"].rpartition("/")[2]] if "$ref" in each else each for each in listed]
