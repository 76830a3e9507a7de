"""Creates the schema `telemetry` in the database, or brings it up to date, from the registered views."""

from hashlib import sha256

from django.db import connection, transaction
from django.db.backends.utils import CursorWrapper
from django.db.utils import DatabaseError
from psycopg import sql

from events.identity import EPOCH
from events.lib.sql import compose, identifier
from events.partitioned.partitions import constrain_times
from events.sql import lists, tables
from events.sql.readers import SqlReader, grant
from events.sql.view import SCHEMA, VIEWS, View

assert EPOCH.timestamp() == 0  # id_at counts from there

# Functions that views and readers call. Those that take jsonb apart never fail, whatever a sender wrote.
FUNCTIONS = r"""
CREATE OR REPLACE FUNCTION telemetry.id_at(at timestamptz) RETURNS uuid
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
RETURN (lpad(to_hex(greatest(floor(extract(epoch FROM at) * 1000), 0)::bigint), 12, '0')
  || '00000000000000000000')::uuid;
COMMENT ON FUNCTION telemetry.id_at(timestamptz) IS
  'The lowest event_id at a time: event_id >= telemetry.id_at(now() - interval ''1 day'') reads one day.';

CREATE OR REPLACE FUNCTION telemetry.visible_owners() RETURNS bigint[]
LANGUAGE sql STABLE SECURITY DEFINER PARALLEL SAFE SET search_path = pg_catalog, pg_temp
AS $$
  SELECT coalesce(
    (SELECT reader.owners FROM public.events_sqlreader reader WHERE reader.role = session_user),
    CASE WHEN pg_has_role(session_user, current_user, 'MEMBER')
      THEN ARRAY(SELECT owner.id FROM public.events_owner owner) ELSE '{}' END)
$$;
COMMENT ON FUNCTION telemetry.visible_owners() IS
  'Ids of the owners that this role may see.';

CREATE OR REPLACE FUNCTION telemetry.items(list jsonb) RETURNS jsonb
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN CASE WHEN jsonb_typeof(list) = 'array' THEN list ELSE '[]' END;

CREATE OR REPLACE FUNCTION telemetry.pairs(item jsonb) RETURNS TABLE (key text, value jsonb)
LANGUAGE sql IMMUTABLE PARALLEL SAFE
AS $$
  SELECT each.key, each.value
  FROM jsonb_each(CASE WHEN jsonb_typeof(item) = 'object' THEN item ELSE '{}' END) each
  UNION ALL
  SELECT NULL, item WHERE jsonb_typeof(item) <> 'object'
$$;

CREATE OR REPLACE FUNCTION telemetry.as_text(value jsonb) RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN value #>> '{}';

CREATE OR REPLACE FUNCTION telemetry.as_number(value jsonb) RETURNS numeric
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN CASE
  WHEN jsonb_typeof(value) = 'number' THEN value::numeric
  WHEN jsonb_typeof(value) = 'string' AND value #>> '{}' ~ '^-?[0-9]{1,255}([.][0-9]{1,255})?$'
    THEN (value #>> '{}')::numeric
END;
"""
CREATE = "CREATE OR REPLACE VIEW telemetry.{name} WITH (security_barrier) AS {select}"
DROP = "DROP VIEW IF EXISTS telemetry.{name}"


def install() -> list[str]:
    """Create or update schema, functions and views, with their comments and grants.

    Nothing is done if the database has this version of them already. A view that other views depend on, and
    whose columns changed, can't be replaced; it stays as it is. Returns the names of those.
    """
    views = all_views()
    version = _version(views)
    with transaction.atomic(), connection.cursor() as cursor:
        if _installed(cursor) == version:
            return []
        cursor.execute("CREATE SCHEMA IF NOT EXISTS telemetry")
        cursor.execute(FUNCTIONS)
        constrain_times(cursor)
        failed = [view.name for view in views if not _create(cursor, view)]
        _remove_old(cursor, {view.name for view in views})
        for reader in SqlReader.objects.all():
            grant(cursor, reader.role)
        mark = sql.Literal("" if failed else version)
        cursor.execute(compose("COMMENT ON SCHEMA telemetry IS {version}", version=mark))
    return failed


def all_views() -> list[View]:
    """Return all views: of tables, of lists, and those that apps registered."""
    return [*tables.views(), *lists.views(), *VIEWS.values()]


def _version(views: list[View]) -> str:
    text = FUNCTIONS + "".join(f"{view.name}{view.select()}{[*view.comments()]}" for view in views)
    return f"Views of Tally for SQL, version {sha256(text.encode()).hexdigest()[:16]}"


def _installed(cursor: CursorWrapper) -> str:
    cursor.execute("SELECT obj_description(to_regnamespace(%s), 'pg_namespace')", [SCHEMA])
    row = cursor.fetchone()
    return (row and row[0]) or ""


def _create(cursor: CursorWrapper, view: View) -> bool:
    """Create or replace a view; False if other views depend on the columns that it had."""
    name, select = identifier(view.name), sql.SQL(view.select())
    for statements in ([CREATE], [DROP, CREATE]):
        try:
            with transaction.atomic():
                for statement in statements:
                    cursor.execute(compose(statement, name=name, select=select))
        except DatabaseError:
            continue
        for subject, comment in view.comments():
            text = sql.Literal(comment)
            cursor.execute(sql.SQL("COMMENT ON {} IS {}").format(sql.SQL(subject), text).as_string(None))
        return True
    return False


def _remove_old(cursor: CursorWrapper, names: set[str]) -> None:
    """Drop views of an earlier release, unless others depend on them."""
    cursor.execute("SELECT viewname FROM pg_views WHERE schemaname = %s", [SCHEMA])
    for (name,) in cursor.fetchall():
        if name not in names:
            try:
                with transaction.atomic():
                    cursor.execute(compose(DROP, name=identifier(name)))
            except DatabaseError:
                continue
