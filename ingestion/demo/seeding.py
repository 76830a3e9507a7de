"""Seeding: the demo's posts through acceptance into the inbox, and on into the store."""

import time
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from itertools import batched

from django.conf import settings
from django.db import transaction
from django.utils import timezone

from events.identity import moment
from events.ownership import senders
from events.ownership.api_key import ApiKey, create_key
from events.ownership.owner import Owner
from events.ownership.senders import Sender
from ingestion import acceptance, bodies
from ingestion.demo import home, script
from ingestion.demo.posting import Post
from ingestion.demo.rhythm import Period
from ingestion.dialects import buildless
from ingestion.dialects.readings import READINGS
from ingestion.drain import Drained, drain_block
from ingestion.inbox import InboxRequest
