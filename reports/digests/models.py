"""All models of the app, so that Django finds them."""

from reports.digests.subscription import Subscription

__all__ = ["Subscription"]
