"""Cost: price plans, charges in the terms of FOCUS, months that are closed, budgets."""
