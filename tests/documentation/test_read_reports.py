"""The requests in docs/how-to/read-reports.md work."""

import re
from pathlib import Path
from urllib.parse import urlsplit

from django.test import Client

from events.ownership.api_key import KeyType
from tests.reports.asked import arrived
from tests.sending import MakeSender, log_event

TEXT = (Path(__file__).parents[2] / "docs" / "how-to" / "read-reports.md").read_text()
ADDRESS = re.compile(r'"http://localhost:8000(/api/v1/reports/[^"]+)"')
BODY = re.compile(r"-d '(\{.*?\})'", re.DOTALL)


def test_requests_of_the_page_succeed(make_sender: MakeSender, client: Client) -> None:
    sender = make_sender("Claims", kind=KeyType.SECRET)
    arrived(sender, log_event())
    headers = {"Authorization": f"Bearer {sender.text}"}
    addresses = ADDRESS.findall(TEXT)
    assert len(addresses) == 3
    for address in addresses:
        response = client.get(address, headers=headers)
        assert response.status_code == 200, (urlsplit(address).query, response.content)
    (body,) = BODY.findall(TEXT)
    response = client.post("/api/v1/query/", body, content_type="application/json", headers=headers)
    assert response.status_code == 200, response.content
