"""Imports of events from files: exports of Tally, and files that applications wrote while offline."""
