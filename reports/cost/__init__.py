"""Cost: price plans, charges in the terms of FOCUS, closed months, budgets."""
