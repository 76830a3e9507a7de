"""What applications and people did: overview, sessions, learning, interface actions, builds."""
