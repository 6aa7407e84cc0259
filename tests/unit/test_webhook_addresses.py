"""Where a webhook may go: every address of the table, as text and as what a name resolves to."""

import ipaddress

import pytest
from pytest_django.fixtures import Settings

from payments.webhook_sender import UnsafeAddress, check_address
from payments.webhook_sender.addresses import check_ip

PUBLIC = [
    "https://example.com",
    "https://example.com/hooks?shop=1&at=@home",
    "HTTPS://Hooks.Example.COM/",
    "https://example.com:/",
    "https://example.com:1/",
    "https://example.com:8443/hooks",
    "https://example.com:65535/",
    "https://xn--bcher-kva.example/",
    "https://my_shop.example.com/",
    "https://4.example.com/",
    "https://localhost.example.com/",
    "https://127.0.0.1.example.com/",
    "https://8.8.8.8/hooks",
    "https://172.32.0.1/",
    "https://[2606:4700:4700::1111]/",
    "https://[2a00:1450:4001:82a::200e]:8443/hooks",
]

NOT_HTTPS = "does not begin with https://"
SELF = "this machine itself"
HIDES = "hides an IPv4 address"
UNUSUAL = "not the usual form"
NEAR = "within our own network"

REFUSED = {
    # The scheme, and what is no URL.
    "http://example.com/": NOT_HTTPS,
    "http://8.8.8.8/": NOT_HTTPS,
    "ftp://example.com/": NOT_HTTPS,
    "file:///etc/passwd": NOT_HTTPS,
    "gopher://127.0.0.1:6379/_FLUSHALL": NOT_HTTPS,
    "//example.com/": NOT_HTTPS,
    "example.com/hooks": NOT_HTTPS,
    "": NOT_HTTPS,
    "https://": "names no host",
    "https:///hooks": "names no host",
    "https:example.com": "names no host",
    "https://[::1": "not a valid URL",
    "https://example.com:65536/": "not a valid URL",
    "https://example.com:-1/": "not a valid URL",
    "https://example.com:https/": "not a valid URL",
    "https://example.com:0/": "Port 0",
    f"https://example.com/{'a' * 2048}": "longer than 2048",
    # What hides where it leads to.
    "https://user:secret@example.com/": "user name or a password",
    "https://example.com@127.0.0.1/": "user name or a password",
    "https://example.com:443@127.0.0.1:5432/": "user name or a password",
    "https://@example.com/": "user name or a password",
    "https://127.0.0.1#@example.com/": "fragment",
    "https://example.com/#": "fragment",
    "https://example.com\\@127.0.0.1/": "does not belong",
    "https://127.0.0.1\\.example.com/": "does not belong",
    "https://exam ple.com/": "does not belong",
    "https://example.com/\r\nHost: internal": "does not belong",
    "https://example.com/\0": "does not belong",
    "https://127。0。0。1/": "does not belong",
    "https://①②⑦.0.0.1/": "does not belong",
    "https://bücher.example/": "does not belong",
    # Names for what is near.
    "https://localhost/": NEAR,
    "https://LOCALHOST:8000/": NEAR,
    "https://shop.localhost/": NEAR,
    "https://%6c%6f%63%61%6chost/": NEAR,
    "https://db/": NEAR,
    "https://printer.local/": NEAR,
    "https://metadata.google.internal/computeMetadata/v1/": NEAR,
    "https://nas.home.arpa/": NEAR,
    "https://localhost./": "ends in a dot",
    "https://example.com./": "ends in a dot",
    "https://127.0.0.1./": "ends in a dot",
    "https://-a.example.com/": "not a valid one",
    "https://a..example.com/": "not a valid one",
    f"https://{'a' * 64}.example.com/": "not a valid one",
    "https://exa,mple.com/": "not a valid one",
    # This machine, however it is written.
    "https://127.0.0.1/": SELF,
    "https://127.8.9.10/": SELF,
    "https://%31%32%37.0.0.1/": SELF,
    "https://[::1]/": SELF,
    "https://[0:0:0:0:0:0:0:1]/": SELF,
    "https://127.1/": UNUSUAL,
    "https://2130706433/": UNUSUAL,
    "https://0x7f000001/": UNUSUAL,
    "https://0x7f.1/": UNUSUAL,
    "https://0177.0.0.1/": UNUSUAL,
    "https://127.0.0.0x1/": UNUSUAL,
    "https://127.0.0.01/": UNUSUAL,
    "https://256.256.256.256/": UNUSUAL,
    "https://1.2.3.4.5/": UNUSUAL,
    "https://0/": UNUSUAL,
    "https://0.0.0.0/": "this machine's own network",
    "https://0.1.2.3/": "this machine's own network",
    "https://[::]/": "this machine's own network",
    "https://[::ffff:127.0.0.1]/": HIDES,
    "https://[::ffff:7f00:1]/": HIDES,
    "https://[::ffff:8.8.8.8]/": HIDES,
    "https://[64:ff9b::7f00:1]/": HIDES,
    "https://[64:ff9b:1::a00:1]/": HIDES,
    "https://[2002:7f00:1::]/": HIDES,
    "https://[2001:0:4136:e378:8000:63bf:3fff:fdd2]/": HIDES,
    "https://[::127.0.0.1]/": "is reserved",
    "https://[fe80::1%25eth0]/": "network's cards",
    # Ours, and what clouds keep for their machines.
    "https://10.0.0.5/": "is private",
    "https://172.16.0.1/": "is private",
    "https://172.31.255.255/": "is private",
    "https://192.168.1.1/": "is private",
    "https://[fd00:ec2::254]/latest/meta-data/": "is private",
    "https://[fd20:ce::254]/": "is private",
    "https://[fec0::1]/": "is private",
    "https://169.254.169.254/latest/meta-data/": "link-local",
    "https://169.254.170.2/v2/credentials": "link-local",
    "https://[fe80::1]/": "link-local",
    "https://168.63.129.16/": "metadata",
    "https://100.64.0.1/": "carrier",
    "https://100.100.100.200/latest/meta-data/": "carrier",
    # Nobody's.
    "https://192.0.0.192/opc/v1/": "is reserved",
    "https://240.0.0.1/": "is reserved",
    "https://255.255.255.255/": "is reserved",
    "https://[5f00::1]/": "is reserved",
    "https://[4000::1]/": "is reserved",
    "https://[2001:20::1]/": "is reserved",
    "https://192.0.2.1/": "documentation",
    "https://198.51.100.1/": "documentation",
    "https://203.0.113.1/": "documentation",
    "https://[2001:db8::1]/": "documentation",
    "https://[3fff::1]/": "documentation",
    "https://192.88.99.1/": "6to4",
    "https://198.18.0.1/": "benchmarks",
    "https://224.0.0.1/": "multicast",
    "https://239.255.255.250:1900/": "multicast",
    "https://[ff02::1]/": "multicast",
}


@pytest.fixture(autouse=True)
def _no_loopback(settings: Settings) -> None:
    settings.PAYMENTS_WEBHOOK_ALLOW_LOOPBACK = False


@pytest.mark.parametrize("url", PUBLIC)
def test_a_public_address_is_allowed(url: str) -> None:
    check_address(url)


@pytest.mark.parametrize(("url", "reason"), REFUSED.items())
def test_an_address_is_refused_for_its_reason(url: str, reason: str) -> None:
    with pytest.raises(UnsafeAddress) as refusal:
        check_address(url)

    assert reason in str(refusal.value)


@pytest.mark.parametrize(
    "url",
    [
        "http://localhost:8000/hooks",
        "http://shop.localhost/",
        "http://127.0.0.1:8000/hooks",
        "http://127.8.9.10/",
        "http://[::1]:8000/hooks",
        "https://localhost/",
        "https://127.0.0.1/",
    ],
)
def test_on_a_machine_for_development_loopback_is_allowed_without_tls(url: str, settings: Settings) -> None:
    settings.PAYMENTS_WEBHOOK_ALLOW_LOOPBACK = True

    check_address(url)


@pytest.mark.parametrize(
    ("url", "reason"),
    [
        ("http://example.com/", NOT_HTTPS),
        ("http://8.8.8.8/", NOT_HTTPS),
        ("http://10.0.0.5/", NOT_HTTPS),
        ("https://10.0.0.5/", "is private"),
        ("https://[::ffff:127.0.0.1]/", HIDES),
        ("https://db/", NEAR),
        ("http://2130706433/", UNUSUAL),
        ("http://0.0.0.0/", NOT_HTTPS),
    ],
)
def test_on_a_machine_for_development_nothing_else_is_allowed(url: str, reason: str, settings: Settings) -> None:
    settings.PAYMENTS_WEBHOOK_ALLOW_LOOPBACK = True

    with pytest.raises(UnsafeAddress) as refusal:
        check_address(url)

    assert reason in str(refusal.value)


@pytest.mark.parametrize("last", range(0, 256, 5))
def test_no_private_block_is_forgotten_that_python_knows(last: int) -> None:
    forgotten = []
    for first in range(256):
        ip = ipaddress.ip_address(f"{first}.{last}.{last}.{last}")
        try:
            check_ip(ip, secure=True)
        except UnsafeAddress:
            continue
        if not ip.is_global or ip.is_multicast or ip.is_reserved:
            forgotten.append(ip)

    assert not forgotten
