"""Bad input: named cases and fuzzing, at the real endpoints with the real database."""
