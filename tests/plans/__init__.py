"""The plans of the most frequent statements: which indexes PostgreSQL uses, and how many rows it reads."""
