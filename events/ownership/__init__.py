"""Ownership: organizations, owners, sources, memberships and API keys."""
