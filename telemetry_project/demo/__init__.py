"""Demo data: lifelike telemetry of an invented organization, sent through the real way in."""
