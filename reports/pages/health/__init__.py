"""Whether it goes well: errors, services, data quality, the pipeline."""
