"""Warming up: build once, in one thread, what first uses would build, before a process serves or works.

Types of msgspec are described where they are imported (`events.wire.typed`); the rest is here, and loses
nothing but time if it is forgotten: each is safe to build twice.
"""

from django.template import engines
from django.urls import reverse

from events.enrichment import agent
from telemetry_project import health


def warm_web() -> None:
    """Load the URLs, both ways, the template engines with their tags, and the names of the migrations."""
    reverse("home")
    engines.all()
    health.migrations()


def warm_worker() -> None:
    """Compile the rules of user agents, before the worker forks: its processes share them."""
    agent.columns("Mozilla/5.0")
