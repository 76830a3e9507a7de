"""The web process: the front before Django, middleware, and error pages."""
