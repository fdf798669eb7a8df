"""A webhook goes to public addresses, and to what the operator allows; what was checked is what is connected to."""

import ipaddress
import socket

import pytest

from servicedesk.errors import Invalid
from servicedesk.webhooks import addresses
from servicedesk.webhooks.addresses import AddressRefused, check_url, checked_connections, may_connect


@pytest.fixture
def strict(settings):
    settings.WEBHOOK_ALLOW_NETWORKS = []


PRIVATE = [
    "127.0.0.1",
    "10.1.2.3",
    "172.16.0.1",
    "192.168.1.1",
    "169.254.169.254",
    "100.64.0.1",
    "0.0.0.0",
    "255.255.255.255",
    "224.0.0.1",
    "198.18.0.1",
    "240.0.0.1",
    "::1",
    "::",
    "fe80::1",
    "fd00::1",
    "ff02::1",
    "::ffff:127.0.0.1",
    "::ffff:10.0.0.1",
    "::127.0.0.1",
    "64:ff9b::a00:1",
    "64:ff9b:1::a00:1",
    "2002:7f00:1::",
    "2001:0:7f00:1::",
    "2001:db8::1",
]


@pytest.mark.parametrize("text", PRIVATE)
def test_an_address_that_is_not_public_is_refused(strict, text):
    assert not may_connect(ipaddress.ip_address(text))


@pytest.mark.parametrize("text", ["8.8.8.8", "2606:4700:4700::1111", "::ffff:8.8.8.8", "64:ff9b::808:808"])
def test_a_public_address_is_taken(strict, text):
    assert may_connect(ipaddress.ip_address(text))


def test_what_the_operator_allows_is_taken_in_either_form(settings):
    settings.WEBHOOK_ALLOW_NETWORKS = ["10.0.0.0/8"]
    assert may_connect(ipaddress.ip_address("10.0.0.1"))
    assert may_connect(ipaddress.ip_address("::ffff:10.0.0.1"))
    assert not may_connect(ipaddress.ip_address("192.168.0.1"))


@pytest.mark.parametrize(
    "url",
    [
        "ftp://example.com/",
        "//example.com/",
        "https://",
        "https://user:word@example.com/",
        "https://example.com/#part",
        "javascript:alert(1)",
        "https://exa mple.com:x/",
        "http://[::1/",
        "https://example.com/" + "x" * 500,
        "",
    ],
)
def test_what_is_no_plain_web_address_is_refused(strict, url):
    with pytest.raises(Invalid):
        check_url(url)


@pytest.mark.parametrize("url", ["http://localhost/", "http://a.localhost:80/", "http://127.0.0.1/", "http://[::1]/"])
def test_an_address_inside_is_refused_when_it_is_registered(strict, url):
    with pytest.raises(Invalid) as refused:
        check_url(url)
    assert refused.value.errors[0].code == "address_refused"


def answering(monkeypatch, *answers):
    """A resolver that answers what it is told, the n-th time the n-th answer."""
    calls = iter(answers)
    asked = []

    def resolver(host, port, *args, **kwargs):
        if host[0].isdigit() or ":" in host:
            return real(host, port, *args, **kwargs)
        asked.append(host)
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (text, port)) for text in next(calls)]

    real = socket.getaddrinfo
    monkeypatch.setattr(addresses.socket, "getaddrinfo", resolver)
    return asked


def test_a_name_for_an_inner_address_is_refused_at_the_connection(strict, monkeypatch):
    answering(monkeypatch, ["10.0.0.1"])
    with pytest.raises(AddressRefused):
        checked_connections(1).request("POST", "http://rebind.test/", retries=False)


def test_the_address_connected_to_is_the_one_that_was_checked(monkeypatch, receiver):
    # The second answer would be another address; nobody asks a second time.
    port = receiver.url.rpartition(":")[2].partition("/")[0]
    asked = answering(monkeypatch, ["127.0.0.1"], ["10.0.0.1"])
    answer = checked_connections(1).request("POST", f"http://rebind.test:{port}/hook", body=b"{}", retries=False)
    assert answer.status == 204
    assert asked == ["rebind.test"]
    assert receiver.received[0].headers["host"] == f"rebind.test:{port}"


def test_of_several_addresses_only_the_allowed_are_tried(strict, monkeypatch, settings, receiver):
    settings.WEBHOOK_ALLOW_NETWORKS = ["127.0.0.1/32"]
    port = receiver.url.rpartition(":")[2].partition("/")[0]
    answering(monkeypatch, ["10.0.0.1", "127.0.0.1"])
    answer = checked_connections(1).request("POST", f"http://mixed.test:{port}/hook", body=b"{}", retries=False)
    assert answer.status == 204
