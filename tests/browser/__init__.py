"""What a browser sees of a running Tally."""
