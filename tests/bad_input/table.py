"""The table of bad input and its documentation page, with the real outcome of each case."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any, NamedTuple

from django.db import transaction
from django.test import Client, override_settings
from django.utils import timezone

from events.ownership import provisioning, senders
from events.ownership.api_key import ApiKey, KeyType
from ingestion.filing.pipeline import Filed
from tests.bad_input import contents, oracle, shapes, transport
from tests.bad_input.case import Case, Kept
from tests.bad_input.exchange import Answer, Request
from tests.sending import Sender


class Section(NamedTuple):
    """A section of the page and its cases."""

    title: str
    cases: list[Case]


SECTIONS = [
    Section("Bodies", shapes.BODIES),
    Section("Batches and repeats", shapes.BATCHES),
    Section("Single events", shapes.EVENTS),
    Section("Numbers and times", contents.NUMBERS_AND_TIMES),
    Section("Texts, names and keys", contents.TEXTS_AND_KEYS),
    Section("The same in all three formats", contents.EVERYWHERE),
    Section("One odd event among 40", contents.ONE_OF_40),
    Section("Content types", transport.CONTENT_TYPES),
    Section("Lines of a stream", transport.LINES),
    Section("Compression and size", transport.COMPRESSION),
    Section("Headers, query parameters, addresses", transport.HEADERS),
    Section("API keys", transport.KEYS),
    Section("Found by fuzzing", transport.FOUND),
]
CASES = {case.name: case for section in SECTIONS for case in section.cases}


@dataclass(frozen=True)
class Outcome:
    """The last response of a case, and what was filed from all its requests."""

    answer: Answer
    kept: Kept


class Keys(NamedTuple):
    """The sender, and keys by the names that requests have in braces."""

    sender: Sender
    by_name: Mapping[str, str]


def _sender(owner: str = "YourTeam", *, organization: str = "acme", **options: Any) -> Sender:
    made = provisioning.key(organization_slug=organization, owner_name=owner, **options)
    return Sender(made.key, made.text, Client())


def make_keys() -> Keys:
    """Create a key of each sort."""
    secret = _sender(owners="all", kind=KeyType.SECRET)
    made = {
        "secret": secret,
        "publishable": _sender(owners="all"),
        "limited": _sender("Other team"),
        "expired": _sender(),
        "revoked": _sender(),
        "other": _sender(organization="others"),
    }
    now = timezone.now()
    ApiKey.objects.filter(pk=made["expired"].key.pk).update(expires_at=now - timedelta(days=1))
    ApiKey.objects.filter(pk=made["revoked"].key.pk).update(revoked_at=now)
    senders.forget()
    return Keys(secret, {name: sender.text for name, sender in made.items()})


def outcome_of(case: Case, keys: Keys) -> Outcome:
    """Run a case with all checks of the oracle, and roll everything back."""
    built = case.build()
    total = Filed()
    answer = Answer(0)
    try:
        with transaction.atomic(), override_settings(**case.settings):
            for request in [built] if isinstance(built, Request) else built:
                answer, done = oracle.exchange(keys.sender, _with_keys(request, keys.by_name))
                total += done
            transaction.set_rollback(True)
    finally:
        oracle.forget()
    return Outcome(answer, Kept(total.stored, total.duplicates, total.rejected))


def _with_keys(request: Request, by_name: Mapping[str, str]) -> Request:
    def filled(text: str) -> str:
        return re.sub(r"\{(\w+)\}", lambda found: by_name.get(found[1], found[0]), text)

    headers = {name: filled(value) for name, value in request.headers.items()}
    return replace(request, headers=headers, query=filled(request.query))


def page(outcomes: Mapping[str, Outcome]) -> str:
    """Return the page: a table for each section, with the real responses and what was kept."""
    return "\n".join([_HEAD, *_sections(outcomes)])


def _sections(outcomes: Mapping[str, Outcome]) -> Iterator[str]:
    for section in SECTIONS:
        yield f"\n## {section.title}\n"
        yield "| input | answer | kept |\n|---|---|---|"
        for case in section.cases:
            outcome = outcomes[case.name]
            yield f"| {_cell(case.name)} | {_answer(outcome.answer)} | {_kept(outcome.kept)} |"


def _answer(answer: Answer) -> str:
    if not answer.code:
        return str(answer.status)
    at = f" at `{_cell(answer.path)}`" if answer.path else ""
    # Times in messages change with each run.
    sentence = re.sub(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", "…", answer.message)
    named = f", event {', '.join(map(str, answer.rejected))}" if answer.rejected else ""
    return f"{answer.status}{named}: `{answer.code}`{at}: {_cell(sentence)}"


def _cell(text: str) -> str:
    """Escape a text for a Markdown table."""
    text = re.sub(r"[\x00-\x1f\x7f-\x9f\u202e\ufeff\ud800-\udfff]", "�", text)
    return re.sub(r"([|<>*_{}\\`\[\]])", r"\\\1", text)


def _kept(kept: Kept) -> str:
    parts = [
        f"{count:,} {word}"
        for count, word in (
            (kept.stored, "stored"),
            (kept.duplicates, "duplicate" if kept.duplicates == 1 else "duplicates"),
            (kept.rejected, "rejected"),
        )
        if count
    ]
    return ", ".join(parts) or "nothing"


_HEAD = f"""# Bad input

What Tally answers to input that isn't as it should be, and what is kept of it. The tables are made by
running each of these {len(CASES)} cases against the endpoints and filing what they left
(`make docs-bad-input`); a test holds them up to date. The codes are explained in [errors.md](errors.md).

- No answer is a 5xx because of what a client sent.
- What can be kept is kept and comes back as it was sent; what can't is rejected, by event, with code, path
  and a sentence. Its neighbours are stored.
- Where the answer names an event, that is its place in the batch, from 0.
- "Rejected" events can be looked at in the admin, with their bytes as they came; "nothing" is a request that
  was refused as a whole, or that had no events."""
