"""Accounts: how people get in, and the trail of what they did."""
