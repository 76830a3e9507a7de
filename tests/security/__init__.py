"""The way in, the audit trail, and who sees what."""
