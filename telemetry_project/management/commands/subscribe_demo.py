"""subscribe_demo: write digests of the demo to var/mail/ soon after the first start."""

from django.conf import settings
from django.contrib.auth import get_user_model
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone

from reports.mail import files
from telemetry_project.demo import subscriptions


class Command(BaseCommand):
    """Subscribe a user of the demo."""

    help = "Subscribes a user to daily and weekly digests of all the owners they see, the first sent at once."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--user", dest="username", default="lead", help="Username.")
        parser.add_argument(
            "--if-demo",
            action="store_true",
            help="Do nothing unless there is a demo and mails are written to files.",
        )

    def handle(self, *_: object, username: str, if_demo: bool, **__: object) -> None:
        user = get_user_model().objects.filter(username=username).first()
        # Nothing is sent to a mail server by default, since the demo's addresses don't exist.
        to_files = f"{files.__name__}.{files.EmailBackend.__name__}" == settings.EMAIL_BACKEND
        if if_demo and not (settings.DEMO and to_files and user):
            return
        if user is None:
            raise CommandError(f"There is no user {username}.")
        if subscriptions.subscribe(user, timezone.now()):
            self.stdout.write(f"{user} now gets digests by mail, the first in a few minutes.")
        else:
            self.stdout.write(f"{user} is already subscribed, so nothing was changed.")
