"""Spreadsheets: the export of tables as CSV and XLSX, used everywhere in Tally."""
