"""From the inbox to the store: a worker claims requests and files their events."""
