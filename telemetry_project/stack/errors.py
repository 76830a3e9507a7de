"""What goes wrong in the stack, said in one line to the person who started it."""


class StackError(Exception):
    """The stack can't go on; the text says why and what to do."""
