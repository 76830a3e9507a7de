"""Exports of lists of events: small ones in the response, large ones by a worker."""
