"""Locking a row, so that what is read from it holds until it is written."""

from django.db import models


def lock(row: models.Model) -> None:
    """Lock a row until the transaction ends. Events that refer to it needn't wait."""
    found = type(row)._base_manager.select_for_update(no_key=True).filter(pk=row.pk)
    list(found.order_by().values_list("pk"))  # an order can join other tables, whose rows would be locked too
