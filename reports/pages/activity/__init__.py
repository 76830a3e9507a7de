"""Pages about activity: overview, sessions, learning, interface actions, builds."""
