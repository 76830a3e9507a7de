"""Webhooks: what was written is posted to a URL of its owner, in order, at least once, and signed."""
