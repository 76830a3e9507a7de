"""All models of the app, so that Django finds them."""

from events.accounts.attempts import LoginAttempt
from events.accounts.entry import AuditEntry
from events.accounts.invitation import Invitation
from events.accounts.recovery import RecoveryCode
from events.accounts.resetting import ResetRequest

__all__ = ["AuditEntry", "Invitation", "LoginAttempt", "RecoveryCode", "ResetRequest"]
