"""Ingestion: endpoints of three dialects, the inbox, the drain that files it, and rejected events."""
