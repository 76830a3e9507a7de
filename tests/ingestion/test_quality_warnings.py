"""Quality warnings for accepted values: ranges, units, placeholders. Also defaults and blank hard fields."""

from copy import deepcopy
from typing import Any

import pytest

from events.event import Event
from events.kinds.assess import Assess
from events.kinds.start import Start
from events.ownership import erased
from events.ownership.owner import Owner
from events.sessions.session import Session
from events.store.details import as_wire
from events.store.usage import WarningHour
from tests.ingestion.single_states import post_form
from tests.sending import AVAILITY, EMIT, Sender, emitted, file_all, log_event, message, now_ms, only_event
from tests.sessions.stored import summarise_due
from tests.wire import samples

pytestmark = pytest.mark.django_db

# Kind, field, value, and the warning's code and example.
WATCHED: list[tuple[str, str, Any, str, str]] = [
    ("assess", "edata.pass", "YES", "out_of_range", "YES"),
    ("assess", "edata.pass", "", "out_of_range", ""),
    ("assess", "edata.score", 1.5, "out_of_range", "1.5"),
    ("assess", "edata.score", -1, "out_of_range", "-1"),
    ("assess", "edata.score", "2", "out_of_range", "2"),
    ("assess", "edata.duration", -0.5, "out_of_range", "-0.5"),
    ("assess", "edata.duration", 95_000, "unit", "95000"),
    ("assess", "edata.item.exlength", -3, "out_of_range", "-3"),
    ("audit", "edata.duration", -1, "out_of_range", "-1"),
    ("end", "edata.duration", -1, "out_of_range", "-1"),
    ("end", "edata.duration", 1_900_000, "unit", "1900000"),
    ("impression", "edata.duration", -1, "out_of_range", "-1"),
    ("impression", "edata.duration", 4_200, "unit", "4200"),
    ("impression", "edata.visits", [{"objid": "a", "objtype": "b", "index": -1}], "out_of_range", "-1"),
    ("interact", "edata.duration", -2, "out_of_range", "-2"),
    ("search", "edata.size", -1, "out_of_range", "-1"),
    ("start", "edata.duration", -1, "out_of_range", "-1"),
    ("start", "edata.duration", 5_100, "unit", "5100"),
    ("start", "edata.dspec.mem", -2, "out_of_range", "-2"),
    ("start", "edata.dspec.sims", -0.5, "out_of_range", "-0.5"),
    (
        "summary",
        "edata.starttime",
        (samples.MS - 600_000) // 1000,
        "unit",
        str((samples.MS - 600_000) // 1000),
    ),
    ("summary", "edata.starttime", -5, "out_of_range", "-5"),
    ("summary", "edata.endtime", samples.MS // 1000, "unit", str(samples.MS // 1000)),
    ("summary", "edata.endtime", samples.MS - 660_000, "out_of_range", "60 s before starttime"),
    ("summary", "edata.timespent", -1, "out_of_range", "-1"),
    ("summary", "edata.timespent", 512_750, "unit", "512750"),
    ("summary", "edata.timespent", 10**9, "out_of_range", "1000000000"),
    ("summary", "edata.pageviews", -1, "out_of_range", "-1"),
    ("summary", "edata.interactions", -1, "out_of_range", "-1"),
    ("summary", "edata.envsummary", [{"env": "a", "timespent": -1}], "out_of_range", "-1"),
    ("summary", "edata.eventssummary", [{"id": "LOG", "count": -4}], "out_of_range", "-4"),
    ("summary", "edata.pagesummary", [{"id": "a", "visits": -2}], "out_of_range", "-2"),
    ("emitted_event", "event.data", {"@type": "Numbers", "hits": 1}, "out_of_range", "Numbers"),
    ("emitted_event", "event.location.point.lat", 90.5, "out_of_range", "90.5"),
    ("emitted_event", "event.location.point.lon", -181, "out_of_range", "-181"),
    ("emitted_event", "event.detail.repository.link", "acme/shop", "out_of_range", "acme/shop"),
]
IN_ITEMS = {
    "edata.visits": "edata.visits[].index",
    "edata.envsummary": "edata.envsummary[].timespent",
    "edata.eventssummary": "edata.eventssummary[].count",
    "edata.pagesummary": "edata.pagesummary[].visits",
    "event.data": "event.data.@type",
}
# Values at the edge of their range, which cause no warning.
GOOD: list[tuple[str, str, Any]] = [
    ("assess", "edata.pass", "Yes"),
    ("assess", "edata.pass", "No"),
    ("assess", "edata.score", 0),
    ("assess", "edata.score", 1),
    ("assess", "edata.duration", 0),
    ("assess", "edata.duration", 86_400),
    ("audit", "edata.duration", 10**9),
    ("start", "edata.dspec.mem", -1),
    ("summary", "edata.endtime", samples.MS - 600_000 + 512_750),
    ("summary", "edata.timespent", 600.01),
    ("feedback", "edata.rating", -1),
    ("log", "edata.level", "Whatever"),
    ("emitted_event", "event.location.point.lat", -90),
    ("emitted_event", "event.location.point.lon", 180),
    ("emitted_event", "event.data", {"@type": "type.example/x"}),
    ("emitted_event", "event.detail.repository.link", ""),
]


def fresh(kind: str) -> samples.Event:
    """Return a complete, current event that causes no warning."""
    event = samples.complete(kind, ms=now_ms())
    if kind == "emitted_event":
        event["event"]["tenant"] = "acme"  # the key's
    if kind == "summary":
        event["edata"] |= {"starttime": samples.MS - 600_000, "endtime": samples.MS}
    return event


def send(sender: Sender, kind: str, event: samples.Event) -> None:
    if kind == "emitted_event":
        assert sender.post(EMIT, event).status_code == 200
    else:
        result = sender.batch(event)
        assert result["accepted"] == 1, result
    assert file_all().stored == 1


def warnings() -> list[tuple[str, str, str, int]]:
    return sorted(WarningHour.objects.values_list("path", "code", "example", "count"))


@pytest.mark.parametrize(("kind", "path", "value", "code", "example"), WATCHED)
def test_an_odd_value_is_stored_as_sent_with_a_warning_and_example(
    sender: Sender, kind: str, path: str, value: Any, code: str, example: str
) -> None:
    event = samples.with_value(fresh(kind), path, value)

    send(sender, kind, event)

    assert warnings() == [(IN_ITEMS.get(path, path), code, example, 1)]
    assert as_wire(only_event()) == event


@pytest.mark.parametrize(("kind", "path", "value"), GOOD)
def test_values_that_the_page_allows_cause_no_warning(
    sender: Sender, kind: str, path: str, value: Any
) -> None:
    send(sender, kind, samples.with_value(fresh(kind), path, value))

    assert warnings() == []


def test_an_end_in_seconds_causes_one_warning(sender: Sender) -> None:
    event = fresh("summary")
    event["edata"] |= {"starttime": 1_760_000_000, "endtime": 1_760_000_600}

    send(sender, "summary", event)

    assert [(path, code) for path, code, _, _ in warnings()] == [
        ("edata.endtime", "unit"),
        ("edata.starttime", "unit"),
    ]


# Fields missing from an ASSESS, and the resulting columns.
DEFAULTS: list[tuple[dict[str, Any], str, float]] = [
    ({}, "No", 0),
    ({"score": 1}, "No", 1),
    ({"pass": "Yes"}, "Yes", 1),
    ({"pass": "YES"}, "YES", 1),
    ({"pass": "No"}, "No", 0),
    ({"pass": None, "score": None}, "No", 0),
]


@pytest.mark.parametrize(("given", "passed", "score"), DEFAULTS)
def test_an_assess_without_pass_or_score_gets_the_pages_defaults(
    sender: Sender, given: dict[str, Any], passed: str, score: float
) -> None:
    event = fresh("assess")
    del event["edata"]["pass"], event["edata"]["score"]
    event["edata"] |= given

    send(sender, "assess", event)

    stored = Assess.objects.get()
    assert (stored.passed, stored.score) == (passed, score)
    assert as_wire(only_event()) == event
    missing = {path for path, code, _, _ in warnings() if code == "missing"}
    assert missing == {f"edata.{name}" for name in ("pass", "score") if given.get(name) is None}


def test_a_wrapped_assess_gets_the_defaults_too(sender: Sender) -> None:
    event = fresh("assess")
    del event["edata"]["pass"]
    event["edata"] = {"edata": event["edata"]}

    send(sender, "assess", event)

    assert Assess.objects.get().passed == "No"
    assert as_wire(only_event()) == event


@pytest.mark.parametrize(("path", "value"), [("edata.pass", True), ("edata.score", [])])
def test_an_assess_with_pass_or_score_of_a_wrong_type_is_rejected(
    sender: Sender, path: str, value: Any
) -> None:
    (error,) = sender.batch(samples.with_value(fresh("assess"), path, value))["errors"]

    assert (error["code"], error["path"]) == ("wrong_type", path)


def test_a_content_without_a_version_gets_the_pages_default(sender: Sender) -> None:
    event = samples.without(fresh("start"), "edata.contentVer")

    send(sender, "start", event)

    assert Start.objects.get().content_version == "1.0"
    assert as_wire(only_event()) == event


PLACEHOLDERS = (
    *("undefined", "null", "NaN", "nan", "[object Object]", "None", "nil", "(null)", "<null>", "0", "-", " "),
    *("00000000-0000-0000-0000-000000000000", "{00000000-0000-0000-0000-000000000000}", "0" * 32),
    *("false", "N/A", "unknown", "UNDEFINED", " undefined"),
)
IDS = ("undefined-7", "u", "0a", "nullable", "s-0", "10", "a1b2c3d4-0000-0000-0000-000000000000", "anonymous")


@pytest.mark.parametrize("text", [*PLACEHOLDERS, ""])
def test_a_placeholder_is_not_stored_as_session(sender: Sender, text: str) -> None:
    event = log_event()
    event["context"] |= {"sid": text}

    send(sender, "log", event)

    stored = only_event()
    assert stored.session is None
    assert as_wire(stored) == event
    assert warnings() == [("context.sid", "placeholder_session", text or '""', 1)]


@pytest.mark.parametrize("text", PLACEHOLDERS)
def test_a_placeholder_is_not_stored_as_device_or_actor(sender: Sender, text: str) -> None:
    event = log_event(actor={"id": text, "type": "User"})
    event["context"] |= {"did": text}

    send(sender, "log", event)

    stored = only_event()
    assert (stored.device, stored.actor, stored.actor_type) == (None, None, "User")
    assert as_wire(stored) == event
    assert warnings() == [
        ("actor.id", "placeholder_actor", text, 1),
        ("context.did", "placeholder_device", text, 1),
    ]


@pytest.mark.parametrize("text", IDS)
def test_an_id_that_only_resembles_a_placeholder_is_kept(sender: Sender, text: str) -> None:
    event = log_event(actor={"id": text, "type": "User"})
    event["context"] |= {"sid": text, "did": text}

    send(sender, "log", event)

    stored = only_event()
    assert (stored.session, stored.device, stored.actor) == (text, text, text)
    assert warnings() == []


def test_a_federated_placeholder_is_not_stored_as_actor(sender: Sender) -> None:
    event = log_event(actor={"id": "f:5a8a3f2b:undefined", "type": "User"})

    send(sender, "log", event)

    assert only_event().actor is None
    assert as_wire(only_event()) == event


def test_a_placeholder_in_the_device_header_is_not_stored(sender: Sender) -> None:
    event = log_event(context={"channel": "c", "env": "e", "pdata": {"id": "portal"}})

    sender.batch(event, **{"X-Device-ID": "undefined"})
    file_all()

    assert only_event().device is None
    assert as_wire(only_event()) == event
    assert warnings() == [("context.did", "placeholder_device", "undefined", 1)]


def test_events_without_a_session_id_get_a_session_by_device(sender: Sender) -> None:
    for number in range(3):
        event = log_event(f"m-{number}")
        event["context"] |= {"sid": "undefined", "did": f"device-{number}"}
        sender.batch(event)
    file_all()
    summarise_due()

    assert set(Session.objects.values_list("device", "session", "events")) == {
        (f"device-{number}", None, 1) for number in range(3)
    }


@pytest.mark.parametrize("text", ["undefined", "[object Object]", "0"])
def test_a_placeholder_in_an_availity_message_causes_a_warning(sender: Sender, text: str) -> None:
    sent = message(sessionId=text)
    sent["telemetryBody"]["entries"]["userId"] = text

    assert sender.post(AVAILITY, sent).status_code == 201
    file_all()

    stored = only_event()
    assert (stored.session, stored.actor) == (None, None)
    assert as_wire(stored) == sent
    assert warnings() == [
        ("sessionId", "placeholder_session", text, 1),
        ("telemetryBody.entries.userId", "placeholder_actor", text, 1),
    ]


def test_null_and_undefined_in_a_form_cause_warnings(sender: Sender) -> None:
    sent = message(sessionId="undefined")

    assert post_form(sender, AVAILITY, sent).status_code == 201
    file_all()

    assert only_event().session is None
    assert warnings() == [("sessionId", "placeholder_session", "undefined", 1)]


def test_placeholders_in_a_buildless_event_cause_warnings(sender: Sender) -> None:
    sent = emitted(user="undefined") | {"scope": "null"}

    assert sender.post(EMIT, sent).status_code == 200
    file_all()

    stored = only_event()
    assert (stored.session, stored.actor) == (None, None)
    assert as_wire(stored) == sent
    assert warnings() == [
        ("event.user", "placeholder_actor", "undefined", 1),
        ("scope", "placeholder_session", "null", 1),
    ]


BLANK = ("", " ", "\t\n")
FILLED = (
    "owner", "source_system", "customerId", "telemetryBody.level", "telemetryBody.entries.action",
    "telemetryBody.entries.label", "telemetryBody.entries.event", "telemetryBody.entries.category",
)  # fmt: skip


@pytest.mark.parametrize("path", FILLED)
@pytest.mark.parametrize("text", BLANK)
def test_a_blank_hard_field_of_a_message_is_refused(sender: Sender, path: str, text: str) -> None:
    response = sender.post(AVAILITY, samples.with_value(message(), path, text))

    assert response.status_code == 400
    error = response.json()["error"]
    assert (error["code"], error["path"]) == ("empty", path)
    assert error["message"] == f"{path} must not be empty."
    assert file_all().rejected == 1
    assert not Owner.objects.filter(name__in=BLANK).exists()


@pytest.mark.parametrize("path", ["source_system", "telemetryBody.level"])
@pytest.mark.parametrize("text", BLANK)
def test_a_blank_hard_field_of_a_form_is_refused(sender: Sender, path: str, text: str) -> None:
    response = post_form(sender, AVAILITY, samples.with_value(message(), path, text))

    assert (response.status_code, response.json()["error"]["code"]) == (400, "empty")
    file_all()


def test_a_form_may_leave_soft_fields_empty(sender: Sender) -> None:
    sent = message(owner="", customerId="")

    assert post_form(sender, AVAILITY, sent).status_code == 201
    assert file_all().stored == 1


@pytest.mark.parametrize("text", BLANK)
def test_a_blank_event_of_a_buildless_context_is_refused(sender: Sender, text: str) -> None:
    sent = emitted()
    sent["event"]["context"][0]["event"] = text

    response = sender.post(EMIT, sent)

    assert response.status_code == 400
    assert response.json()["error"]["code"] == "empty"
    file_all()


def test_a_warning_keeps_its_last_example(sender: Sender) -> None:
    for number, value in enumerate((1.5, 7, 3)):
        event = samples.with_value(fresh("assess"), "edata.score", value)
        send(sender, "assess", event | {"mid": f"m-{number}"})

    assert warnings() == [("edata.score", "out_of_range", "3", 3)]


def test_a_long_example_is_cut(sender: Sender) -> None:
    send(sender, "assess", samples.with_value(fresh("assess"), "edata.pass", "x" * 1_000))

    ((_, _, example, _),) = warnings()
    assert example == "x" * 59 + "…"


def test_erasing_an_actor_removes_the_owners_examples(sender: Sender) -> None:
    send(sender, "assess", samples.with_value(fresh("assess"), "edata.pass", "Alice"))
    owner = Event.objects.get().owner

    done = erased.forget(erased.Erased(owner, ("user-42",)), only_event().received_at)

    assert done["examples of quality warnings"] == 1
    assert warnings() == [("edata.pass", "out_of_range", "", 1)]


def test_an_event_with_a_placeholder_is_returned_as_sent(sender: Sender) -> None:
    event = log_event()
    event["context"] |= {"sid": "undefined"}
    sent = deepcopy(event)

    # Twice: the second is compared with the first and found equal.
    sender.batch(event)
    sender.batch(event)
    done = file_all()

    assert (done.stored, done.duplicates) == (1, 1)
    assert as_wire(only_event()) == sent
