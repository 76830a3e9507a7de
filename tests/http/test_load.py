"""Many, slow and disconnecting clients don't affect others."""

import secrets
import socket
import struct
from contextlib import ExitStack, suppress

from django.db import connection, transaction
from django.utils import timezone

from events.ownership import senders
from events.ownership.api_key import ApiKey
from ingestion.receiving.inbox import InboxRequest
from tests.faults.stack import eventually
from tests.http.cases import BODY, CHUNKED, MIB, claiming, request
from tests.http.wire import PATIENCE, Site, status

IDLE = 500
JUNK = 1_000
# Allows for several copies of a 5 MiB body; the sent amount is a multiple of that.
ALLOWED = 60 * MIB
RESET = struct.pack("ii", 1, 0)  # SO_LINGER: close() sends RST, as if the client was killed


def test_500_idle_connections_do_not_block_others(site: Site) -> None:
    with ExitStack() as idle:
        for _ in range(IDLE):
            idle.enter_context(site.connect())

        assert [site.ask() for _ in range(10)] == [200] * 10


def test_the_server_closes_slow_and_idle_connections(site: Site) -> None:
    with site.connect() as slow, site.connect() as idle, idle.makefile("rb") as answers:
        slow.sendall(request()[:40])
        idle.sendall(site.keyed(request()))
        assert status(answers) == 200
        for _ in range(3):
            assert site.ask() == 200

        # --http1-header-read-timeout is 10 s; waiting for the next request counts as slow headers.
        assert slow.recv(1) == b""
        assert answers.read(1) == b""


def test_a_slow_body_is_accepted_when_complete(site: Site) -> None:
    with site.connect() as line, line.makefile("rb") as answers:
        line.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        head, body = site.keyed(request()).removesuffix(BODY), BODY
        line.sendall(head + body[:-3])
        assert site.ask() == 200
        for one in body[-3:]:
            line.sendall(bytes([one]))
            assert site.ask() == 200

        assert status(answers) == 200


def test_clients_that_stop_in_the_body_block_no_threads_after_disconnecting(site: Site) -> None:
    with ExitStack() as stalled:
        for _ in range(3):
            stalled.enter_context(site.connect()).sendall(site.keyed(claiming(500, body=b"{")))

        assert site.ask() == 200
    assert [site.ask() for _ in range(10)] == [200] * 10
    assert {bytes(body) for body in InboxRequest.objects.values_list("body", flat=True)} == {BODY}


def test_clients_killed_in_the_body_store_nothing(site: Site) -> None:
    for sent in (claiming(500, body=BODY[:50]), request(b"40\r\n" + BODY[:64], CHUNKED, length=False)):
        for _ in range(10):
            with site.connect() as line:
                line.sendall(site.keyed(sent))
                line.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)

    assert [site.ask() for _ in range(20)] == [200] * 20
    assert InboxRequest.objects.count() == 20


def test_a_request_is_stored_even_if_its_client_disconnects(site: Site) -> None:
    with transaction.atomic(), connection.cursor() as inbox:
        inbox.execute(f'LOCK TABLE "{InboxRequest._meta.db_table}" IN SHARE MODE')
        with site.connect() as line:
            line.sendall(site.keyed(request()))
            eventually(_somebody_waits_for_the_inbox, PATIENCE, "a request that is being stored")

    eventually(lambda: InboxRequest.objects.count() == 1, PATIENCE, "a request in the inbox")
    assert site.ask() == 200


def test_memory_does_not_grow_with_a_body_over_the_limit(site: Site) -> None:
    assert site.ask() == 200
    site.forget_peak()
    before = site.memory()
    part = b"%x\r\n%s\r\n" % (MIB, b" " * MIB)
    for head in (claiming(200 * MIB, body=b""), request(b"", CHUNKED, length=False)):
        with site.connect() as line:
            line.sendall(site.keyed(head))
            with suppress(ConnectionError):  # the server closes it long before
                for _ in range(200):
                    line.sendall(part)

    assert site.memory() - before < ALLOWED
    assert site.ask() == 200


def test_a_flood_of_junk_keys_uses_no_memory_and_locks_nobody_out(site: Site) -> None:
    for _ in range(10):
        assert site.ask() == 200
    junk = [f"tally_pk_{secrets.token_hex(6)}_{secrets.token_hex(32)}" for _ in range(JUNK)]
    with site.connect() as line, line.makefile("rb") as answers:

        def send(keys: list[str]) -> None:
            for key in keys:
                line.sendall(site.keyed(request()).replace(site.key.encode(), key.encode()))
                assert status(answers) == 401

        # The first refusals import code that later ones share.
        send(junk[: JUNK // 10])
        site.forget_peak()
        before = site.memory()
        send(junk[JUNK // 10 :])

    assert site.memory() - before < ALLOWED / 4
    assert site.ask() == 200


def test_a_revoked_key_is_refused_once_the_cache_expires(site: Site) -> None:
    with site.connect() as line, line.makefile("rb") as answers:

        def again() -> int | None:
            line.sendall(site.keyed(request()))
            return status(answers)

        assert again() == 200
        ApiKey.objects.update(revoked_at=timezone.now())
        eventually(lambda: again() == 401, senders.TTL_SECONDS + PATIENCE, "a refusal")
        assert [again() for _ in range(5)] == [401] * 5


def _somebody_waits_for_the_inbox() -> bool:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT EXISTS (SELECT FROM pg_locks WHERE relation = %s::regclass AND NOT granted)",
            [InboxRequest._meta.db_table],
        )
        return bool(cursor.fetchone()[0])
