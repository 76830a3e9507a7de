"""The rollups that exist, a file for each subject: adding one is adding a class, a migration and a rebuild.

Columns say how they are made from events or sessions and how they are merged; statements, reading and
docs/reference/rollups.md follow from that.
"""

import importlib
import pkgutil

for _module in pkgutil.iter_modules(__path__):
    importlib.import_module(f"{__name__}.{_module.name}")
