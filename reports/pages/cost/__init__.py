"""What it costs: charges, billing months, what-if, exports."""
