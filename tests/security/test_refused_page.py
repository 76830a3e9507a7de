"""The page shown for denied requests."""

from django.test import Client

from tests.sending import Sender


def test_the_page_names_only_leads_of_the_persons_owners(
    team_a: Sender, team_b: Sender, alice: Client, lead: Client, bob: Client
) -> None:
    mine = alice.get("/admin/events/organization/")
    theirs = bob.get("/admin/events/organization/")
    assert (mine.status_code, theirs.status_code) == (403, 403)
    assert "Ask <strong>lena</strong>, or an operator" in mine.content.decode()
    assert "lena" not in theirs.content.decode()
    assert "Ask the lead of your team" in theirs.content.decode()
    assert "no-store" in mine["Cache-Control"]


def test_leads_and_people_without_memberships_are_told_whom_to_ask(
    team_a: Sender, charlie: Client, lead: Client
) -> None:
    assert "Ask the lead of your team" in charlie.get("/admin/events/owner/").content.decode()
    assert "<strong>lena" not in lead.get("/admin/auth/user/").content.decode()


def test_a_form_without_a_token_gets_the_page_too(team_a: Sender) -> None:
    assert Client(enforce_csrf_checks=True).post("/admin/login/", {}).status_code == 403
