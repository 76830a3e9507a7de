"""Members in the admin: who sees what of an owner."""

from django.contrib import admin

from events.admin.base import EmptyState, OwnedAdmin
from events.ownership.membership import Membership


@admin.register(Membership)
class MembershipAdmin(OwnedAdmin):
    """People's roles. Members see who else is one; operators change it."""

    list_display = ("user", "owner", "role")
    list_select_related = ("user", "owner")
    search_fields = ("user__username", "owner__name")
    search_help_text = "Name of the person or the owner"
    fields = ("user", "owner", "role")
    empty_state = EmptyState(
        "No members yet", "A member sees the events of an owner; a lead also manages its keys."
    )
