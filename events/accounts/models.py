"""All models of the app, so that Django finds them."""

from events.accounts.audit import AuditEntry
from events.accounts.invitation import Invitation
from events.accounts.logins import LoginAttempt
from events.accounts.passwords import ResetRequest
from events.accounts.second_factor import RecoveryCode

__all__ = ["AuditEntry", "Invitation", "LoginAttempt", "RecoveryCode", "ResetRequest"]
