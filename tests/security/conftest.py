"""Fixtures of the admin's tests: people and teams."""

from tests.admin.conftest import alice, bob, charlie, lead, operator, team_a, team_b

__all__ = ["alice", "bob", "charlie", "lead", "operator", "team_a", "team_b"]
