"""Charts: from figures to a drawing, the table beside it and its CSV."""
