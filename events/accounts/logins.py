"""Log-ins in the audit trail: who came, who left, who was refused."""

from typing import Any

from django.contrib.auth import get_user_model
from django.contrib.auth.signals import user_logged_in, user_logged_out, user_login_failed

from events.accounts import audit, second_factor
from events.accounts.gate import HAS_FACTOR

NOBODY = "somebody"


def connect() -> None:
    """Listen to Django's signals."""
    user_logged_in.connect(_came, dispatch_uid="audit_login")
    user_logged_out.connect(_left, dispatch_uid="audit_logout")
    user_login_failed.connect(_failed, dispatch_uid="audit_failure")


def _came(*, user: Any, request: Any, **_: Any) -> None:
    audit.record(_actor(user, request), "login.succeeded")
    if session := getattr(request, "session", None):
        # So that no request of those who have none asks the database for it.
        session[HAS_FACTOR] = second_factor.device_of(user) is not None


def _left(*, user: Any, request: Any, **_: Any) -> None:
    if user is not None:
        audit.record(_actor(user, request), "logout")


def _failed(*, credentials: Any, request: Any = None, **_: Any) -> None:
    """Only the name of an account that there is: people type passwords where names belong."""
    name = str(credentials.get("username") or "").replace("\x00", "")
    user = get_user_model()._default_manager.filter(username=name).first()
    address_hash = getattr(request, "address_hash", "")
    actor = _actor(user, request) if user else audit.Actor(NOBODY, None, address_hash)
    audit.record(actor, "login.failed")


def _actor(user: Any, request: Any) -> audit.Actor:
    return audit.Actor(user.get_username(), user.pk, getattr(request, "address_hash", ""))
