"""Where a webhook may go: a server on the public internet, by HTTPS.

`check_address` looks at the text alone, when a merchant registers it and before every attempt. What the name
resolves to is judged by `check_ip` whenever a connection is opened, because a name can change its mind.
"""

import re
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from typing import Final

from urllib3.exceptions import LocationParseError
from urllib3.util import parse_url

from payments import conf

# Not on the public internet, by IANA's registries of special-purpose addresses, which also hold every cloud's
# metadata service but one. Written out, because what Python calls private differs from one release to the next.
_REFUSED: Final[tuple[tuple[IPv4Network | IPv6Network, str], ...]] = tuple(
    (ip_network(network), reason)
    for network, reason in (
        ("0.0.0.0/8", "is this machine's own network"),
        ("10.0.0.0/8", "is private"),
        ("100.64.0.0/10", "is a carrier's shared network"),
        ("127.0.0.0/8", "is this machine itself"),
        ("168.63.129.16/32", "is a cloud's metadata service"),
        ("169.254.0.0/16", "is link-local, where clouds keep their metadata service"),
        ("172.16.0.0/12", "is private"),
        ("192.0.0.0/24", "is reserved"),
        ("192.0.2.0/24", "is for documentation"),
        ("192.88.99.0/24", "is a 6to4 relay"),
        ("192.168.0.0/16", "is private"),
        ("198.18.0.0/15", "is for benchmarks"),
        ("198.51.100.0/24", "is for documentation"),
        ("203.0.113.0/24", "is for documentation"),
        ("224.0.0.0/4", "is multicast"),
        ("240.0.0.0/4", "is reserved"),
        ("::/128", "is this machine's own network"),
        ("::1/128", "is this machine itself"),
        # A gateway turns these into the IPv4 address inside, whichever it is.
        ("::ffff:0:0/96", "hides an IPv4 address"),
        ("64:ff9b::/96", "hides an IPv4 address"),
        ("64:ff9b:1::/48", "hides an IPv4 address"),
        ("2002::/16", "hides an IPv4 address"),
        ("2001::/32", "hides an IPv4 address"),
        ("2001::/23", "is reserved"),
        ("2001:db8::/32", "is for documentation"),
        ("3fff::/20", "is for documentation"),
        ("fc00::/7", "is private"),
        ("fe80::/10", "is link-local"),
        ("fec0::/10", "is private"),
        ("ff00::/8", "is multicast"),
    )
)
# All that is given out to the public today; the rest of IPv6 is reserved.
_PUBLIC_IPV6: Final = IPv6Network("2000::/3")
# Names for what is near: they lead to this machine, this house or this cloud.
_NEAR_NAMES: Final = frozenset({"localhost", "localdomain", "local", "internal", "intranet", "lan", "home", "corp"})
_NAME: Final = re.compile(r"(?!-)[a-z0-9_-]{1,63}(?<!-)(\.(?!-)[a-z0-9_-]{1,63}(?<!-))*")
# The last part of a name that resolvers read as a number: 127.1, 0x7f.1, 2130706433, 0177.0.0.01.
_NUMERIC_END: Final = re.compile(r"(.*\.)?([0-9]+|0x[0-9a-f]*)")
_AUTHORITY_END: Final = re.compile("[/?#]")
_URL_LENGTH_MAX: Final = 2048
_PORTS: Final = {"http": 80, "https": 443}


class UnsafeAddress(Exception):
    """A webhook may not be sent there; the text says why, in words for the merchant."""


@dataclass(frozen=True, slots=True)
class Address:
    """A checked URL, taken apart once, so that what was checked is what is connected to."""

    scheme: str
    host: str
    port: int
    path: str


def check_address(url: str) -> None:
    """Check all that can be said of the URL without asking DNS.

    Raises:
        UnsafeAddress: a webhook may not be sent there.
    """
    read_address(url)


def read_address(url: str) -> Address:
    """Return the URL's parts.

    Raises:
        UnsafeAddress: a webhook may not be sent there.
    """
    if len(url) > _URL_LENGTH_MAX:
        raise UnsafeAddress(f"The address is longer than {_URL_LENGTH_MAX} characters.")
    # Browsers, servers and libraries read these in different ways, and the difference is how a check is passed by.
    if not url.isascii() or not url.isprintable() or " " in url or "\\" in url:
        raise UnsafeAddress(
            "The address has a character that does not belong in a URL; write an international name in its xn-- form."
        )
    if "@" in _AUTHORITY_END.split(url.partition("://")[2], maxsplit=1)[0]:
        raise UnsafeAddress("The address holds a user name or a password.")
    try:
        parts = parse_url(url)
    except LocationParseError as error:
        raise UnsafeAddress("The address is not a valid URL.") from error
    if parts.fragment is not None:
        raise UnsafeAddress("The address has a fragment (#), which is never sent.")
    if parts.scheme not in _PORTS:
        raise UnsafeAddress("The address does not begin with https://.")
    if not parts.host:
        raise UnsafeAddress("The address names no host.")
    if parts.port == 0:
        raise UnsafeAddress("Port 0 is no port.")
    host = parts.host.removeprefix("[").removesuffix("]")
    _check_host(host, secure=parts.scheme == "https")
    port = _PORTS[parts.scheme] if parts.port is None else parts.port
    return Address(parts.scheme, host, port, parts.request_uri)


def check_ip(ip: IPv4Address | IPv6Address, *, secure: bool) -> None:
    """Check an address that we are about to connect to, with TLS or (loopback only) without.

    Raises:
        UnsafeAddress: it is not on the public internet.
    """
    if conf.webhook_allow_loopback() and ip.is_loopback and getattr(ip, "ipv4_mapped", None) is None:
        return
    if not secure:
        raise UnsafeAddress("The address does not begin with https://.")
    for network, reason in _REFUSED:
        if ip in network:
            raise UnsafeAddress(f"The address leads to {ip}, which {reason}.")
    if not ip.is_global or (ip.version == 6 and ip not in _PUBLIC_IPV6):
        raise UnsafeAddress(f"The address leads to {ip}, which is reserved.")


def _check_host(host: str, *, secure: bool) -> None:
    if ":" in host or _NUMERIC_END.fullmatch(host):
        check_ip(_literal_ip(host), secure=secure)
        return
    if host.endswith("."):
        raise UnsafeAddress("The host's name ends in a dot.")
    if not _NAME.fullmatch(host):
        raise UnsafeAddress("The host's name is not a valid one.")
    top = host.rpartition(".")[2]
    if top == "localhost" and conf.webhook_allow_loopback():
        return
    if not secure:
        raise UnsafeAddress("The address does not begin with https://.")
    if top == host or top in _NEAR_NAMES or host.endswith(".home.arpa"):
        raise UnsafeAddress(f"{host} is a name within our own network.")


def _literal_ip(host: str) -> IPv4Address | IPv6Address:
    try:
        ip = ip_address(host)
    except ValueError as error:
        raise UnsafeAddress(f"{host} is not the usual form of an IP address.") from error
    if getattr(ip, "scope_id", None) is not None:
        raise UnsafeAddress(f"{host} names one of our own network's cards.")
    return ip
