"""A mail backend that writes each message as a file that mail programs can open. For a single machine."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any
from uuid import uuid4

from django.conf import settings
from django.core.mail import EmailMessage
from django.core.mail.backends.base import BaseEmailBackend
from django.utils import timezone


class EmailBackend(BaseEmailBackend):
    """Writes one .eml file per message to EMAIL_FILE_PATH. File names begin with the time."""

    def __init__(self, *args: Any, file_path: str | None = None, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.folder = Path(file_path or settings.EMAIL_FILE_PATH)  # type: ignore[misc]  # not with a server

    def send_messages(self, email_messages: Sequence[EmailMessage]) -> int:
        """Write the messages and return their number."""
        # Only the reader may open the files.
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        for message in email_messages:
            name = f"{timezone.now():%Y%m%d-%H%M%S}-{uuid4().hex[:8]}"
            half = self.folder / f".{name}"
            half.write_bytes(message.message().as_bytes())
            half.rename(self.folder / f"{name}.eml")
        return len(email_messages)
