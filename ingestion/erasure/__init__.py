"""Export and erasure of everything that is stored about an actor."""
