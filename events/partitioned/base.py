"""PostgreSQL backend with partitioned models in migrations, and connections that survive a restart."""

import select
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
    """Django's PostgreSQL connection with the schema editor above. Detects that the server has gone."""

    SchemaEditorClass = SchemaEditor

    def get_new_connection(self, conn_params: dict[str, object]) -> Any:
        """Connect, and start polling the socket."""
        made = super().get_new_connection(conn_params)
        self._news = select.poll()  # unlike select(), for any number of open files
        self._news.register(made.fileno(), select.POLLIN)
        return made

    def close_if_unusable_or_obsolete(self) -> None:
        """Drop a persistent connection that the server has closed.

        Django calls this before and after a request.

        The only thing a server sends to an idle client is that it is closing, so a readable socket is
        unusable. Django itself renews a connection only after a request has failed on it, so after a restart
        each thread of a web process would fail one. A poll takes a microsecond; Django's CONN_HEALTH_CHECKS
        take a query.
        """
        if self.connection is not None and not self.in_atomic_block and self._news.poll(0):
            self.close()
        super().close_if_unusable_or_obsolete()
