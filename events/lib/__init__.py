"""Code that knows nothing of telemetry: paging, formatting, times, rate limits, clean-up."""
