"""Events: what they are, whose they are, where they are kept, how they are read."""
