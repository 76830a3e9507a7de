"""Fixtures of the mail tests: people, teams and the mail server."""

from tests.mail.conftest import alice, bob, box, charlie, lead, operator, owner, team_a, team_b, to_server

__all__ = ["alice", "bob", "box", "charlie", "lead", "operator", "owner", "team_a", "team_b", "to_server"]
