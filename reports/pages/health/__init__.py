"""Pages about health: errors, services, data quality, the pipeline."""
