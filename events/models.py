"""All models of the app, so that Django finds them."""

from events.changes.change import Change
from events.event import Event
from events.exports.jobs import ExportJob
from events.kinds import KINDS
from events.ownership.api_key import ApiKey
from events.ownership.owner import Membership, Organization, Owner
from events.ownership.source import Source
from events.sessions.session import (
    LargeSession,
    Session,
    SessionEnv,
    SessionEventCount,
    SessionPage,
    SessionRedirect,
)
from events.sql.readers import SqlReader
from events.store.completeness import Backfill
from events.store.pending import TouchedQuarter, TouchedSession
from events.store.retention import Retained
from events.store.usage import UsageHour, WarningHour
from events.store.versions import SourceVersion
from events.webhooks.webhook import Webhook, WebhookAttempt

__all__ = [
    "KINDS",
    "ApiKey",
    "Backfill",
    "Change",
    "Event",
    "ExportJob",
    "LargeSession",
    "Membership",
    "Organization",
    "Owner",
    "Retained",
    "Session",
    "SessionEnv",
    "SessionEventCount",
    "SessionPage",
    "SessionRedirect",
    "Source",
    "SourceVersion",
    "SqlReader",
    "TouchedQuarter",
    "TouchedSession",
    "UsageHour",
    "WarningHour",
    "Webhook",
    "WebhookAttempt",
]
