"""Computed columns equal known results from the source of each rule."""

import hashlib
import hmac
from ipaddress import ip_address

import pytest
from hypothesis import given
from hypothesis import strategies as st

from events.enrichment.account import scope, tenant_name
from events.enrichment.address import address_hash
from events.enrichment.clock import ALPHABET, skew_ms, time_hash
from events.enrichment.defaults import severity
from events.enrichment.emails import email_hash
from events.enrichment.place import geohash
from events.enrichment.reference import federated_id
from events.identity import moment


@pytest.mark.parametrize(("seconds", "answer"), [(1236532457, "abcdefbffb"), (1700000000, "bafbed1fe1")])
def test_time_hashes_equal_published_ones(seconds: int, answer: str) -> None:
    assert time_hash(seconds * 1000) == answer


@given(st.integers(0, 4_039_372_799_000), st.integers(0, 4_039_372_799_000))
def test_time_hashes_sort_as_times_do(one: int, other: int) -> None:
    earlier, later = sorted((one, other))
    assert time_hash(earlier) <= time_hash(later)


@pytest.mark.parametrize("ms", [-1, 2**62])
def test_times_beyond_the_range_get_its_last_hash(ms: int) -> None:
    assert time_hash(ms) in (ALPHABET[0] * 10, ALPHABET[-1] * 10)


@pytest.mark.parametrize(
    ("latitude", "longitude", "answer"),
    [
        (57.64911, 10.40744, "u4pruydqqvj"),  # Wikipedia's example
        (42.605, -5.603, "ezs42"),  # Wikipedia's other example
        (37.8324, 112.5584, "ww8p1r4t8"),  # node-geohash
        (-25.382708, -49.265506, "6gkzwgjzn820"),  # geohash.org's tip
        (0, 0, "s000"),
        (90, 180, "zzzzz"),
        (-90, -180, "00000"),
    ],
)
def test_geohashes_equal_published_ones(latitude: float, longitude: float, answer: str) -> None:
    assert geohash(latitude, longitude, len(answer)) == answer


@pytest.mark.parametrize(
    "point", [(90.1, 0), (0, 180.1), (-91, 0), (0, -181), (float("nan"), 0), (0, float("inf"))]
)
def test_invalid_points_have_no_geohash(point: tuple[float, float]) -> None:
    assert geohash(*point) is None


def test_an_address_hash_is_the_hmac_under_the_organizations_key() -> None:
    key = hmac.new(b"secret", b"address:7", hashlib.sha256).digest()
    expected = hmac.new(key, bytes([192, 0, 2, 7]), hashlib.sha256).hexdigest()
    assert address_hash("secret", 7, ip_address("192.0.2.7")) == expected
    assert address_hash("secret", 7, ip_address("::ffff:192.0.2.7")) == expected


def test_an_address_hash_differs_by_organization_and_installation() -> None:
    address = ip_address("2001:db8::1")
    hashes = {address_hash(secret, number, address) for secret in ("one", "two") for number in (1, 2)}
    assert len(hashes) == 4


def test_an_email_hash_is_sha256_of_the_address_in_lower_case() -> None:
    known = "973dfe463ec85785f5f95af5ba3906eedb2d931c24e69824a89ea65dba4e813b"
    assert email_hash("test@example.com") == email_hash(" Test@Example.COM ") == known


@pytest.mark.parametrize(
    ("sent", "answer"),
    [
        (1_700_000_000_000, 0),
        (1_700_000_090_000.7, 90_000),
        ("1699999999000", -1_000),
        (0, None),
        (-5, None),
        ("soon", None),
        (None, None),
        (True, None),
        ([1], None),
        (10**400, None),
        ("1e99", None),
    ],
)
def test_clock_skew_is_sent_minus_received(sent: object, answer: int | None) -> None:
    assert skew_ms(sent, moment(1_700_000_000_000)) == answer


@pytest.mark.parametrize(
    ("level", "answer"),
    [
        ("info", "info"),
        ("INFO", "info"),
        ("Warning", "warn"),
        (" error ", "error"),
        ("fatal", "error"),
        ("trace", "debug"),
        ("", None),
        ("loud", None),
        ("e" * 10_000, None),
    ],
)
def test_levels_are_normalised(level: str, answer: str | None) -> None:
    assert severity(level) == answer


@pytest.mark.parametrize(
    ("actor", "answer"),
    [("f:5a8a3f2b:874ed8a5", "874ed8a5"), ("f:x", "x"), ("f:5a8a3f2b:", "f:5a8a3f2b:"), ("f:", "f:")],
)
def test_a_federated_id_is_the_part_after_the_last_colon(actor: str, answer: str) -> None:
    assert federated_id(actor) == answer


def test_the_scope_is_the_organization_or_else_the_user() -> None:
    assert scope("acme", "u1") == "tenant::acme"
    assert scope("", "u1") == "user::u1"
    assert scope("", "") is None
    assert (tenant_name("acme"), tenant_name("org_acme")) == ("org_acme", "org_acme")
