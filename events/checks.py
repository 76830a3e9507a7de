"""System checks: what a wrong setting or a wrong declaration of a kind is called, before it does harm."""
