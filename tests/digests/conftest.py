"""The people, the teams and the mail server of the tests of mail serve here too."""

from tests.mail.conftest import alice, bob, box, charlie, lead, operator, owner, team_a, team_b, to_server

__all__ = ["alice", "bob", "box", "charlie", "lead", "operator", "owner", "team_a", "team_b", "to_server"]
