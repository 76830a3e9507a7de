"""The real stack under traffic, broken in every way that the registry knows: lost 0, double 0."""
