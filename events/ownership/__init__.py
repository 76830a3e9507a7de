"""Whose events they are: organizations, owners, sources, memberships and API keys."""
