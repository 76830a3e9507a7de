"""Mail: who may be written to, and what was sent with which answer."""
