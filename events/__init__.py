"""Events: kinds, ownership, storage and reading."""
