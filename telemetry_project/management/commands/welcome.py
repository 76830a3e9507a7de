"""welcome: where to log in, as whom, and how to send an event."""

from django.core.management.base import BaseCommand

from telemetry_project.demo import welcome


class Command(BaseCommand):
    """Say how to begin."""

    help = "Prints where to log in, the demo's users, and a curl command that sends an event."

    def handle(self, *_: object, **__: object) -> None:
        self.stdout.write(welcome.text())
