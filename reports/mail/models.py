"""All models of the app, so that Django finds them."""

from reports.mail.address import Address
from reports.mail.sent import Attempt, SentMail

__all__ = ["Address", "Attempt", "SentMail"]
