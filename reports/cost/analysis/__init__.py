"""Analysis of charges: totals, forecasts, comparisons of months, other plans."""
