"""SQL readers see their owners' rows in the views and nothing else, whatever they try."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import psycopg
import pytest
from django.core.management import CommandError, call_command
from django.db import connection
from django.utils import timezone
from psycopg.conninfo import make_conninfo

from events.accounts.audit import AuditEntry
from events.ownership.owner import Owner
from events.sql import readers
from tests.clients.recorder import wait_for
from tests.sending import MakeSender, file_all, log_event

pytestmark = pytest.mark.django_db(transaction=True)
ROLE, PASSWORD = "analyst_of_a", "of no value to anyone"


def connect(role: str = ROLE, password: str = PASSWORD) -> psycopg.Connection:
    parameters = connection.get_connection_params()
    where = {name: parameters[name] for name in ("host", "port", "dbname") if parameters.get(name)}
    return psycopg.connect(make_conninfo(**where, user=role, password=password), autocommit=True)


@pytest.fixture
def reader(make_sender: MakeSender) -> Iterator[psycopg.Connection]:
    """A connection of a reader for owner A. Owners A and B have one event each."""
    for owner in ("A", "B"):
        make_sender(owner).batch(log_event(f"LOG:{owner}", tags=[f"tag of {owner}"]))
    file_all()
    made = readers.create(ROLE, PASSWORD, [Owner.objects.get(name="A").pk])
    try:
        with connect() as opened:
            yield opened
    finally:
        readers.remove(made)


def test_a_reader_sees_its_owners_rows_in_every_view(reader: psycopg.Connection) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT viewname FROM pg_views WHERE schemaname = 'telemetry'")
        views = [name for (name,) in cursor.fetchall()]
    assert len(views) > 40
    for view in views:
        columns = [
            column.name for column in reader.execute(f'SELECT * FROM "{view}" LIMIT 0').description or ()
        ]
        assert "owner" in columns, view
        assert reader.execute(f"SELECT DISTINCT owner FROM \"{view}\" WHERE owner <> 'A'").fetchall() == [], (
            view
        )
    assert reader.execute("SELECT owner FROM events").fetchall() == [("A",)]
    assert reader.execute("SELECT tag FROM tags").fetchall() == [("tag of A",)]
    assert reader.execute("SELECT owner FROM owners").fetchall() == [("A",)]


DENIED = (
    psycopg.errors.InsufficientPrivilege,
    psycopg.errors.UndefinedObject,
    psycopg.errors.ObjectNotInPrerequisiteState,
)
HOSTILE = [
    "SELECT * FROM public.events_event",
    "SELECT * FROM public.events_log",
    "SELECT * FROM public.events_sqlreader",
    "SELECT * FROM public.auth_user",
    "SELECT * FROM public.events_apikey",
    "UPDATE public.events_sqlreader SET owners = '{1,2,3}'",
    "INSERT INTO public.events_owner (name) VALUES ('x')",
    "DELETE FROM telemetry.events",
    "UPDATE telemetry.owners SET owner = 'x'",
    "CREATE TABLE public.mine (a int)",
    "CREATE TABLE telemetry.mine (a int)",
    "CREATE FUNCTION telemetry.visible_owners() RETURNS bigint[] LANGUAGE sql AS 'SELECT ARRAY[1]::bigint[]'",
    "CREATE OR REPLACE VIEW telemetry.events AS SELECT 1",
    "DROP VIEW telemetry.tags",
    "SET ROLE postgres",
    "SET SESSION AUTHORIZATION postgres",
    "COPY telemetry.events TO PROGRAM 'cat'",
    "COPY telemetry.events TO '/tmp/rows'",
    "SELECT pg_read_file('/etc/passwd')",
    "SELECT lo_import('/etc/passwd')",
    "CREATE EXTENSION dblink",
    "ALTER ROLE analyst_of_a SUPERUSER",
    "SELECT * FROM pg_authid",
    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'postgres'",
    "ALTER SYSTEM SET fsync = off",
]


@pytest.mark.parametrize("statement", HOSTILE)
def test_a_reader_is_denied_everything_else(reader: psycopg.Connection, statement: str) -> None:
    reader.execute("SET default_transaction_read_only = off")  # allowed, but must not help
    before = _state()
    with pytest.raises(DENIED):
        reader.execute(statement)
    assert _state() == before


def test_a_reader_cannot_grant_access(reader: psycopg.Connection) -> None:
    """PostgreSQL doesn't fail, but only warns that nothing was granted."""
    before = _state()
    reader.execute("SET default_transaction_read_only = off")
    reader.execute("GRANT SELECT ON telemetry.events TO PUBLIC")
    assert _state() == before


def _state() -> object:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT (SELECT array_agg(owners::text) FROM events_sqlreader),"
            " (SELECT count(*) FROM events_event),"
            " (SELECT array_agg(relname || coalesce(relacl::text, '') ORDER BY relname) FROM pg_class"
            "  WHERE relnamespace = 'telemetry'::regnamespace),"
            " (SELECT rolsuper FROM pg_roles WHERE rolname = %s)",
            [ROLE],
        )
        return cursor.fetchone()


def test_a_readers_function_is_called_for_no_row_of_another_owner(reader: psycopg.Connection) -> None:
    """Without security_barrier on the views, a cheap function would run before the check of the owner."""
    reader.execute("SET default_transaction_read_only = off")
    reader.execute(
        "CREATE FUNCTION pg_temp.seen(owner text) RETURNS boolean LANGUAGE plpgsql COST 0.0001 AS"
        " $$ BEGIN RAISE NOTICE 'saw %', owner; RETURN true; END $$"
    )
    notices: list[str] = []
    reader.add_notice_handler(lambda notice: notices.append(notice.message_primary or ""))
    for view, column in (
        ("events", "owner"),
        ("log", "owner"),
        ("tags", "tag"),
        ("owners", "owner"),
        ("events", "session"),
    ):
        reader.execute(f"SELECT * FROM telemetry.{view} WHERE pg_temp.seen({column})")
    assert notices
    assert [notice for notice in notices if "B" in notice] == []


def test_division_by_zero_reveals_no_row_of_another_owner(reader: psycopg.Connection) -> None:
    reader.execute("SELECT 1 / (CASE WHEN owner = 'B' THEN 0 ELSE 1 END) FROM telemetry.events")
    reader.execute("SELECT * FROM telemetry.events WHERE 1 / (CASE WHEN owner = 'B' THEN 0 ELSE 1 END) > 0")


def test_a_readers_statements_have_a_timeout(reader: psycopg.Connection) -> None:
    assert reader.execute("SHOW statement_timeout").fetchone() == ("1min",)


def test_a_statement_over_a_limit_that_the_reader_lifted_is_cancelled(reader: psycopg.Connection) -> None:
    reader.execute("SET statement_timeout = 0")
    with ThreadPoolExecutor(1) as pool:
        slow = pool.submit(reader.execute, "SELECT pg_sleep(150)")
        wait_for(lambda: readers.cancel_overdue(timezone.now() + timedelta(hours=1)) == [ROLE])
        with pytest.raises(psycopg.errors.QueryCanceled):
            slow.result()
    assert readers.cancel_overdue(timezone.now() + timedelta(hours=1)) == []


def test_create_reader_creates_changes_and_removes_a_reader(
    make_sender: MakeSender, capsys: pytest.CaptureFixture[str]
) -> None:
    make_sender("A"), make_sender("B")
    call_command("create_reader", "analyst_cmd", "--owner", "a")
    printed = capsys.readouterr().out
    password = next(line.split()[1] for line in printed.splitlines() if line.startswith("Password:"))
    try:
        with connect("analyst_cmd", password) as opened:
            assert opened.execute("SELECT owner FROM owners").fetchall() == [("A",)]
            call_command("create_reader", "analyst_cmd", "--owner", "B", "--owner", "A")
            assert opened.execute("SELECT owner FROM owners ORDER BY 1").fetchall() == [("A",), ("B",)]
    finally:
        call_command("create_reader", "analyst_cmd", "--remove")
    assert not readers.exists("analyst_cmd")
    actions = (
        AuditEntry.objects.filter(action__startswith="reader.")
        .order_by("id")
        .values_list("action", flat=True)
    )
    assert list(actions) == ["reader.made", "reader.changed", "reader.removed"]


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        (("analyst",), "at least one owner"),
        (("analyst", "--owner", "nobody"), "no owner 'nobody'"),
        (("pg_read_all_data", "--owner", "A"), "can't begin with"),
        (("tally", "--owner", "A"), "can't begin with"),
        (('x"; DROP', "--owner", "A"), "lower-case"),
        (("analyst", "--owner", "A", "--seconds", "0"), "--seconds"),
        (("analyst", "--remove"), "no reader"),
    ],
)
def test_create_reader_explains_bad_arguments(
    make_sender: MakeSender, arguments: tuple[str, ...], problem: str
) -> None:
    make_sender("A")
    with pytest.raises(CommandError, match=problem):
        call_command("create_reader", *arguments)
    assert not readers.SqlReader.objects.exists()


@pytest.fixture
def ordinary_role(request: pytest.FixtureRequest, make_sender: MakeSender) -> Iterator[None]:
    """Run as a role with the given attribute that isn't a superuser, as on a managed server."""
    make_sender("A")
    grants = (
        f"CREATE ROLE app_of_test {request.param}",
        "GRANT ALL ON ALL TABLES IN SCHEMA public TO app_of_test",
        "GRANT ALL ON ALL SEQUENCES IN SCHEMA public TO app_of_test",
        "GRANT ALL ON SCHEMA telemetry TO app_of_test WITH GRANT OPTION",
        "GRANT ALL ON ALL TABLES IN SCHEMA telemetry TO app_of_test WITH GRANT OPTION",
        "SET ROLE app_of_test",
    )
    with connection.cursor() as cursor:
        for statement in grants:
            cursor.execute(statement)
        try:
            yield
        finally:
            for statement in ("RESET ROLE", "DROP OWNED BY app_of_test", "DROP ROLE app_of_test"):
                cursor.execute(statement)


@pytest.mark.parametrize("ordinary_role", ["CREATEROLE"], indirect=True)
@pytest.mark.usefixtures("ordinary_role")
def test_a_role_with_createrole_creates_limits_and_removes_readers() -> None:
    made = readers.create(ROLE, PASSWORD, [Owner.objects.get(name="A").pk])
    with connect() as opened, ThreadPoolExecutor(1) as pool:
        opened.execute("SET statement_timeout = 0")
        slow = pool.submit(opened.execute, "SELECT pg_sleep(150)")
        wait_for(lambda: readers.cancel_overdue(timezone.now() + timedelta(hours=1)) == [ROLE])
        with pytest.raises(psycopg.errors.QueryCanceled):
            slow.result()
        readers.remove(made)
    assert not readers.exists(ROLE)


@pytest.mark.parametrize("ordinary_role", ["NOCREATEROLE"], indirect=True)
@pytest.mark.usefixtures("ordinary_role")
def test_without_createrole_the_error_names_it() -> None:
    with pytest.raises(CommandError, match=r"can't create roles .* CREATEROLE"):
        call_command("create_reader", "analyst_cmd", "--owner", "A")
    assert not readers.SqlReader.objects.exists()


def test_create_reader_prints_how_to_connect(
    make_sender: MakeSender, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    make_sender("A")
    monkeypatch.delenv("DATABASE_URL", raising=False)
    call_command("create_reader", "analyst_cmd", "--owner", "A")
    try:
        printed = capsys.readouterr().out
        assert "asks nobody for a password" in printed
        address = printed.split('psql "')[1].split('"')[0]
        with psycopg.connect(address) as opened:
            assert opened.execute("SELECT session_user").fetchone() == ("analyst_cmd",)
    finally:
        call_command("create_reader", "analyst_cmd", "--remove")
