"""Operation IDs in OpenAPI, which generators name functions after: `list_events`, `create_export`.

They come from the action and the path, so every endpoint gets a good one; a view with another name for its
rows has `rows`.
"""

import re
from typing import Any

PREFIX = "/api/v1/"
VERBS = {
    "list": "list",
    "retrieve": "get",
    "create": "create",
    "update": "replace",
    "partial_update": "update",
    "destroy": "delete",
}
_ENDINGS = (("ies", "y"), ("sses", "ss"), ("ss", "ss"), ("s", ""))


def operation_id(view: Any, path: str, method: str) -> str:
    """Return the ID of an operation."""
    action = str(view.action)
    *above, last = _names(path, getattr(view, "rows", ""))
    if action in VERBS:
        return "_".join([VERBS[action], *above, last if action == "list" else singular(last)])
    if method == "GET":
        is_list = getattr(view, "pagination_class", None) is not None
        return "_".join(["list" if is_list else "get", *above, last])
    return "_".join([action, *above])


def singular(word: str) -> str:
    """Return the singular of an English plural."""
    for ending, instead in _ENDINGS:
        if word.endswith(ending):
            return word.removesuffix(ending) + instead
    return word


def _names(path: str, rows: str) -> list[str]:
    """Return the words of a path: in the singular if an ID follows, without IDs."""
    steps = path.removeprefix(PREFIX).strip("/").split("/")
    if rows:
        is_single = len(steps) > 1 and _is_id(steps[1])
        steps = [rows, *steps[1:]] if is_single else [rows]
    following = [*steps[1:], ""]
    return [
        re.sub(r"\W", "_", singular(step) if _is_id(after) else step)
        for step, after in zip(steps, following, strict=True)
        if not _is_id(step)
    ]


def _is_id(step: str) -> bool:
    return step.startswith("{")
