"""The wire formats: how requests of each dialect are decoded, and how their senders are answered."""
