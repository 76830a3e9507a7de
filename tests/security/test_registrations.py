"""Registries are complete after Django's setup alone, without the admin, which imports most modules."""

import json
import os
import subprocess
import sys

import pytest

PRINT = """
import json, django
django.setup()
from django.core.checks.registry import registry
from events.lib.janitors import JANITORS
from events.ownership import erased
from reports.mail.kinds import KINDS
own = ("events.", "ingestion.", "reports.", "telemetry_project.")
checks = [check.__name__ for check in registry.get_checks() if check.__module__.startswith(own)]
print(json.dumps([sorted(each) for each in (erased._steps, JANITORS, KINDS, checks)]))
"""


@pytest.mark.slow
def test_erasure_janitors_mails_and_checks_are_registered_by_setup() -> None:
    environment = os.environ | {"DJANGO_SETTINGS_MODULE": "telemetry_project.settings"}
    printed = subprocess.check_output([sys.executable, "-c", PRINT], env=environment, text=True)
    erasure, janitors, mails, checks = json.loads(printed)

    assert erasure == [
        "audit_entries",
        "changes",
        "discarded_events",
        "examples of quality warnings",
        "exports",
        "kept_rollup_rows",
        "log_files",
        "mail_files",
        "mails",
        "replays",
        "rollup_cells",
        "webhooks",
    ]
    assert janitors == [
        "changes",
        "changes of rejected events",
        "copies of mails",
        "exports",
        "idempotency keys",
        "login attempts",
        "login sessions",
        "webhook deliveries",
    ]
    assert mails == ["budget", "confirmation", "digest", "invitation", "password", "webhook"]
    assert checks == [
        "check_enrichment",
        "check_kinds",
        "check_proxies",
        "check_retention",
        "check_second_factor",
        "check_webhooks",
    ]
