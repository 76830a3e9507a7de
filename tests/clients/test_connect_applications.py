"""The client configuration in docs/how-to/connect-applications.md works when run unchanged."""

import re

import pytest

from events.ownership import provisioning
from telemetry_project.stack.paths import REPOSITORY
from tests.clients.filed import Filed
from tests.clients.npm import Clients
from tests.clients.recorder import Recorder

PAGE = REPOSITORY / "docs" / "how-to" / "connect-applications.md"
SUNBIRD = """
import {{ $t }} from '@project-sunbird/telemetry-sdk';
{settings}
$t.log({{ type: 'system', level: 'INFO', message: 'started' }});
$t.syncEvents();
console.log('{{}}');
"""
AVAILITY = """
import {{ AvAnalytics, AvTelemetryAnalytics }} from '@availity/analytics-core';
import {{ AvTelemetryApi }} from '@availity/api-axios';
globalThis.navigator ??= {{}};
{settings}
const analytics = new AvAnalytics(plugin, Promise, false, false);
const click = {{ action: 'click', event: 'submit', label: 'Submit', category: 'form', url: '/' }};
await analytics.trackEvent({{ customerId: '1', ...click }});
console.log('{{}}');
"""


@pytest.mark.parametrize(
    ("script", "word", "dialect", "source"),
    [
        (SUNBIRD, "$t.initialize", "sunbird", "my-portal"),
        (AVAILITY, "AvTelemetryApi", "availity", "claim-status"),
    ],
)
def test_events_arrive_with_the_documented_settings(
    clients: Clients, recorder: Recorder, script: str, word: str, dialect: str, source: str
) -> None:
    key = provisioning.key(organization_slug="demo", owner_name="Key delivery").text
    blocks = re.findall(r"```js\n(.*?)```", PAGE.read_text(), re.DOTALL)
    (settings,) = (block for block in blocks if word in block)
    # The last line of Availity's starts tracking clicks, for which Node has no page.
    settings = settings.replace("new AvAnalytics(plugin).init();\n", "")
    settings = settings.replace("http://localhost:8000", recorder.url).replace("tally_pk_…", key)
    (clients.folder / f"settings-{dialect}.mjs").write_text(script.format(settings=settings))

    clients.run(f"settings-{dialect}.mjs", environment={})

    (event,) = Filed().events
    assert (event.dialect, event.owner.name, event.source.name) == (dialect, "Key delivery", source)
