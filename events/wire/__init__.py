"""How events look on the wire: dialects, typed columns with paths, validators, the way there and back."""
