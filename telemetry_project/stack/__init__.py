"""The one-machine stack: PostgreSQL, Valkey and the Procfile's processes. No Django in here."""
