"""The page about errors lists exactly the codes that the code can return."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

from events.api.problems import PROBLEMS
from events.wire import validators

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "reference" / "errors.md"
# Position of the code among the arguments.
PLACES = {"Fault": 0, "Refused": 1, "_unauthorised": 0, "Warned": 1}


def codes_in(source: str) -> Iterator[str]:
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in PLACES:
            place = PLACES[node.func.id]
            code = node.args[place] if place < len(node.args) else None
            for constant in ast.walk(code) if code else ():
                if isinstance(constant, ast.Constant) and re.fullmatch("[a-z0-9_]{4,}", str(constant.value)):
                    yield str(constant.value)


def codes_in_the_code() -> set[str]:
    files = [*(ROOT / "events").rglob("*.py"), *(ROOT / "ingestion").rglob("*.py")]
    # If the code was assigned on the line before, the argument is a name instead of a text.
    chosen = {"missing", "wrong_type"}
    return (
        chosen
        | set(PROBLEMS)
        | {code for file in files for code in codes_in(file.read_text())}
        | {code for _, code, _ in validators._SENTENCES}
    )


def test_every_code_is_on_the_page_and_nothing_else() -> None:
    listed = set(re.findall(r"^\| `([a-z0-9_]+)` \|", PAGE.read_text(), re.MULTILINE))

    assert listed == codes_in_the_code()


def test_status_and_title_of_problems_match_the_page() -> None:
    rows = re.findall(r"^\| `([a-z_]+)` \| (\d+) \| ([^|]+) \| ([^|]+) \|", PAGE.read_text(), re.MULTILINE)
    listed = {(code, int(status), title, advice) for code, status, title, advice in rows}

    assert {
        (code, problem.status, problem.title + ".", problem.advice) for code, problem in PROBLEMS.items()
    } <= listed
