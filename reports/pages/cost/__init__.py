"""Pages about cost: charges, billing months, what-if, exports."""
