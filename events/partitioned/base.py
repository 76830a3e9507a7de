"""PostgreSQL backend whose schema editor knows partitioned models; migrations stay ordinary ones."""

from typing import Any

from django.db import models
from django.db.backends.postgresql import base
from django.db.backends.postgresql.schema import DatabaseSchemaEditor

from events.partitioned.marker import PartitionedById


class SchemaEditor(DatabaseSchemaEditor):
    """Creates the table of a marked model as the parent of partitions."""

    def table_sql(self, model: type[models.Model]) -> tuple[str, Any]:
        """Append the partition clause; Django writes the marker into the migration's bases."""
        sql, params = super().table_sql(model)
        if issubclass(model, PartitionedById):
            sql += " PARTITION BY RANGE (id)"
        return sql, params


class DatabaseWrapper(base.DatabaseWrapper):
    """Django's PostgreSQL connection with the schema editor above."""

    SchemaEditorClass = SchemaEditor
