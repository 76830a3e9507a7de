"""The error for a body that isn't JSON says where it is wrong and what to remove."""

import json
from typing import Any

import pytest

from events.wire.validators import Fault
from ingestion.dialects import jsontext
from tests.sending import AVAILITY, EMIT, STREAM, SUNBIRD, Sender, emitted, log_event, message

EXAMPLE = json.dumps(message(), indent=4)


def error_message(raw: str) -> str:
    fault = jsontext.decode(raw.encode())
    assert isinstance(fault, Fault)
    assert fault.code == "bad_json"
    return fault.message


@pytest.mark.parametrize(
    ("raw", "sentence"),
    [
        ('{"a": 1}}', "Not JSON: remove the } at character 8, after the end of the value."),
        ('{"a": 1} ] ', "Not JSON: remove the ] at character 9, after the end of the value."),
        ('{"a": 1}}}', "Not JSON: remove '}}' at character 8, after the end of the value."),
        ('{"a": 1};', "Not JSON: remove what follows the value at character 8: ';'."),
        ('{"a": 1}{"a": 2}', "Not JSON: remove what follows the value at character 8: '{\"a\": 2}'."),
        ("1 " + "x" * 50, f"Not JSON: remove what follows the value at character 2: '{'x' * 19}…'."),
        ('{"a": 1,}', "Not JSON: remove the comma at character 7, before }."),
        ("[1, 2, ]", "Not JSON: remove the comma at character 5, before ]."),
        ('{\n"a": 1,\n}', "Not JSON: remove the comma at character 8 (line 2, column 7), before }."),
        ("[,]", "Not JSON: remove the comma at character 1, before ]."),
        ('{"a": 1,', "Not JSON: Expecting property name enclosed in double quotes at character 8."),
        ("}", "Not JSON: Expecting value at character 0."),
        ("", "Not JSON: the text is empty."),
        (" \n", "Not JSON: the text is empty."),
        (
            '{\n "a": 1\n}}',
            "Not JSON: remove the } at character 11 (line 3, column 2), after the end of the value.",
        ),
        ('{"a": tru}', "Not JSON: Expecting value at character 6."),
    ],
)
def test_the_error_says_what_to_remove(raw: str, sentence: str) -> None:
    assert error_message(raw) == sentence


def test_the_error_points_at_the_published_examples_stray_brace(sender: Sender) -> None:
    response = sender.post(AVAILITY, EXAMPLE + "}")

    assert response.status_code == 400
    message = response.json()["error"]["message"]
    assert "remove the }" in message
    assert f"at character {len(EXAMPLE)}" in message


@pytest.mark.parametrize(
    ("path", "body"),
    [(SUNBIRD, {"events": [log_event()]}), (AVAILITY, message()), (EMIT, emitted()), (STREAM, emitted())],
)
def test_the_error_points_at_an_extra_brace_in_every_format(sender: Sender, path: str, body: Any) -> None:
    text = json.dumps(body)

    assert f"remove the }} at character {len(text)}" in sender.post(path, text + "}").content.decode()
