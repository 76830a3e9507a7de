"""Spreadsheets: the one way in which tables leave Tally, as CSV and as XLSX."""
