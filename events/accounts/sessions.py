"""Log-in sessions of a person: those that were open before the second factor end when it is set up."""

from typing import Any

from django.contrib.auth import SESSION_KEY
from django.contrib.sessions.models import Session
from django.utils import timezone


def end_others(request: Any) -> int:
    """End the person's other sessions; how many there were.

    Django keeps whose a session is inside of it, so all that are open are looked at: a log-in lasts for hours
    and the factor is set up once, so no index is worth it.
    """
    mine = str(request.user.pk)
    ended = 0
    for session in Session.objects.filter(expire_date__gt=timezone.now()).iterator():
        if session.session_key != request.session.session_key and (
            session.get_decoded().get(SESSION_KEY) == mine
        ):
            session.delete()
            ended += 1
    return ended
