"""Digests: summary reports that people subscribe to and get by mail."""
