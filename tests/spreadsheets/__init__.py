"""Files that people and programs open: CSV and XLSX."""
