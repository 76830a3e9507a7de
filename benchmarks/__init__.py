"""Benchmarks: ratios taken in one run against a reference on the same machine, interleaved."""
