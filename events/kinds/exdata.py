"""EXDATA: data of another system, carried along while a content plays."""

from events.kinds.base import SunbirdKind
from events.wire.columns import Text


class Exdata(SunbirdKind):
    """Foreign data, encrypted or serialized; keys of its own stay in `extra`. Source: V3 EXDATA."""

    type = Text(help_text="Kind of data, such as partnerdata or xapi.")
    data = Text(help_text="The data, serialized.")
