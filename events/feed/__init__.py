"""The change feed: what was filed, rejected and summarised, in an order that readers can follow."""
