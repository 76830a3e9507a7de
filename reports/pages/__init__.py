"""Pages: the report pages, thin edges over figures and charts."""
