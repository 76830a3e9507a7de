"""Changes: the rows of the feed, written by those who file, reject and summarise, and read in their order."""
