"""Demo data: realistic telemetry of a fictional organization, sent through normal ingestion."""
