"""From an HTTP request to the inbox: the ingest endpoints and the steps that a request passes."""
