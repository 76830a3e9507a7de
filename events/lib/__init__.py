"""Code that is independent of telemetry: paging, formatting, times, rate limits, clean-up."""
