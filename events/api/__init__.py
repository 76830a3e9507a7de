"""The read API: events as JSON, for programs with a secret key and for people who are logged in."""
