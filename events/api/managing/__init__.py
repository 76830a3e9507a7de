"""Managing by API: what the owners have that a key administers, changed through the forms of the admin."""
