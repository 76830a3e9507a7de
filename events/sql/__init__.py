"""SQL for people: the schema `telemetry`, with views that stay stable, and read-only roles."""
