"""The web process: in front of Django, around its views, and where no view answers."""
