"""Webhooks can't reach addresses that aren't public."""

import socket
from ipaddress import ip_address
from typing import Any

import pytest

from events.webhooks import addresses, posting
from events.webhooks.addresses import RefusedAddress
from tests.webhooks.receiver import receiving

NOT_PUBLIC = [
    "0.0.0.0",
    "10.1.2.3",
    "100.64.0.1",
    "127.0.0.1",
    "127.255.255.254",
    "169.254.169.254",
    "172.16.0.1",
    "192.0.0.8",
    "192.0.2.1",
    "192.168.1.1",
    "192.88.99.1",
    "198.18.0.1",
    "198.51.100.1",
    "203.0.113.1",
    "224.0.0.1",
    "239.1.1.1",
    "240.0.0.1",
    "255.255.255.255",
    "::",
    "::1",
    "::7f00:1",  # IPv4-compatible
    "::ffff:127.0.0.1",
    "::ffff:10.0.0.1",
    "::ffff:0:127.0.0.1",  # IPv4-translated
    "64:ff9b::7f00:1",
    "64:ff9b::a9fe:a9fe",
    "64:ff9b:1::a00:1",
    "100::1",
    "2001::1",  # Teredo
    "2001:20::1",
    "2001:db8::1",
    "3fff::1",
    "2002:7f00:1::1",  # 6to4 of 127.0.0.1
    "2002:a00:1::1",
    "fc00::1",
    "fd12::1",
    "fe80::1",
    "fec0::1",
    "ff02::1",
    "ff0e::1",
]
PUBLIC = [
    "1.1.1.1",
    "8.8.8.8",
    "100.63.255.255",
    "100.128.0.1",
    "172.32.0.1",
    "2606:4700::1111",
    "64:ff9b::808:808",
]


@pytest.mark.parametrize("address", NOT_PUBLIC)
def test_addresses_that_are_not_public_are_refused(address: str) -> None:
    assert not addresses.is_allowed(ip_address(address))


@pytest.mark.parametrize("address", PUBLIC)
def test_public_addresses_are_accepted(address: str) -> None:
    assert addresses.is_allowed(ip_address(address))


@pytest.mark.parametrize(
    "host",
    [
        "127.0.0.1",
        "127.1",
        "0x7f.1",
        "0x7f000001",
        "2130706433",
        "017700000001",
        "0177.0.0.1",
        "0",
        "[::1]",
        "[::]",
        "[::ffff:127.0.0.1]",
        "[::ffff:7f00:1]",
        "[0:0:0:0:0:0:0:1]",
        "[64:ff9b::7f00:1]",
        "[2002:7f00:1::]",
        "169.254.169.254",
        "10.0.0.1:443",
    ],
)
def test_literal_forms_of_private_addresses_are_refused_on_saving_and_on_sending(host: str) -> None:
    url = f"https://{host}/"
    with pytest.raises(RefusedAddress, match="isn't public"):
        addresses.check_url(url)
    with pytest.raises(posting.NotPosted, match="isn't public"):
        posting.post(url, b"", {}, 5.0)


@pytest.mark.parametrize(
    "url",
    [
        "",
        "nonsense",
        "http://example.com/",
        "ftp://example.com/",
        "file:///etc/passwd",
        "https://",
        "https:///path",
        "https://user:password@example.com/",
        "https://example.com@127.0.0.1/",
        "https://example.com:0/",
        "https://example.com:99999/",
        "https://example.com:port/",
        "https://example.com/#part",
        "https://exämple.com/",
        "https://example.com/a b",
        "https://example.com/\r\nHost: other",
        "https://[fe80::1%25eth0]/",
        "https://[nonsense]/",
        "https://example.com/" + "a" * 2_000,
    ],
)
def test_urls_that_cannot_be_posted_to_are_refused(url: str) -> None:
    with pytest.raises(RefusedAddress):
        addresses.check_url(url)
    with pytest.raises(posting.NotPosted):
        posting.post(url, b"", {}, 5.0)


def named(monkeypatch: pytest.MonkeyPatch, *found: str) -> list[str]:
    """Make all names resolve to these addresses. Return the list of looked-up names."""
    asked: list[str] = []

    def look_up(host: str, port: int, *_: object, **__: object) -> list[Any]:
        asked.append(host)
        return [
            (
                socket.AF_INET6 if ":" in each else socket.AF_INET,
                socket.SOCK_STREAM,
                socket.IPPROTO_TCP,
                "",
                (each, port),
            )
            for each in found
        ]

    monkeypatch.setattr(socket, "getaddrinfo", look_up)
    return asked


@pytest.mark.parametrize("found", [["10.0.0.1"], ["1.1.1.1", "127.0.0.1"], ["::ffff:10.0.0.1"]])
def test_a_name_with_a_private_address_is_refused_at_each_attempt(
    found: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = named(monkeypatch, *found)
    for _ in range(2):
        with pytest.raises(posting.NotPosted, match="isn't public"):
            posting.post("https://rebinding.example/", b"", {}, 5.0)
    assert asked == ["rebinding.example"] * 2


def test_the_connection_goes_to_the_address_that_was_checked(
    monkeypatch: pytest.MonkeyPatch, settings: Any
) -> None:
    settings.WEBHOOK_ALLOW_HTTP, settings.WEBHOOK_ALLOWED_NETWORKS = True, ["127.0.0.0/8"]
    with receiving() as receiver:
        asked = named(monkeypatch, "127.0.0.1")
        assert posting.post(f"http://name.example:{receiver.port}/", b"{}", {}, 30.0) == 200
        hosts = [host for host in asked if host == "name.example"]
        assert len(hosts) == 1, "resolved once: a second answer could be another one"
        assert receiver.received[0].headers["host"] == f"name.example:{receiver.port}"


def test_networks_can_be_allowed(settings: Any) -> None:
    settings.WEBHOOK_ALLOWED_NETWORKS = ["10.1.0.0/16", "fd00::/8"]
    assert addresses.is_allowed(ip_address("10.1.2.3"))
    assert addresses.is_allowed(ip_address("::ffff:10.1.2.3"))
    assert addresses.is_allowed(ip_address("fd00::1"))
    assert not addresses.is_allowed(ip_address("10.2.0.1"))
