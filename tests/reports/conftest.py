"""People and teams of the admin's tests, for report pages."""

from tests.admin.conftest import alice, bob, charlie, lead, operator, team_a, team_b

__all__ = ["alice", "bob", "charlie", "lead", "operator", "team_a", "team_b"]
