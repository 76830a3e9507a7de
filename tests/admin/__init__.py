"""The admin, as members, leads, strangers and operators see it."""
