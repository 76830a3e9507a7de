"""Folding: what the drain touched becomes rows, whatever comes late, twice or not at all."""

from reports.rollups.models import Events, Sessions
from tests.rollups.recomputed import dump, fold_due, rebuild
from tests.sending import Sender, log_event
from tests.sessions.stored import base_ms, file, summarise_due


def test_everything(sender: Sender) -> None:
    file(sender, *[log_event(f"m{n}", ets=base_ms() + n * 1000) for n in range(10)])
    assert fold_due() == 1
    summarise_due()
    assert fold_due() == 1
    assert list(Events.objects.values_list("grain", "events").order_by("grain")) == [
        (15, 10),
        (60, 10),
        (1440, 10),
    ]
    assert Sessions.objects.count() == 3
    before = dump()
    rebuild()
    assert dump() == before
