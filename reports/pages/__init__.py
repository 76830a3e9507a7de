"""Pages: the report pages, thin layers over figures and charts."""
