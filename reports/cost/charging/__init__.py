"""Charging: from counted usage and the prices in force to stored charges, month by month."""
