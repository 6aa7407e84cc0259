"""Where a request comes from, as far as nobody but us has said so."""

from ipaddress import IPv4Address, IPv6Address, ip_address

from rest_framework.request import Request

from payments import conf


def client_address_of(request: Request) -> str | None:
    """Return the client's IP address; None where nobody knows.

    Without proxies of ours it is the other end of the connection. With them it is what the first of them has written:
    each appends to X-Forwarded-For whom it has the request from, so that with two it is the second entry from the
    right. Whatever a client has written itself stands further left, and is not looked at.
    """
    proxies = conf.trusted_proxies()
    if not proxies:
        return _as_address(request.META.get("REMOTE_ADDR", ""))
    entries = request.headers.get("X-Forwarded-For", "").split(",")
    return _as_address(entries[-proxies].strip()) if len(entries) >= proxies else None


def _as_address(text: str) -> str | None:
    """Return an address as PostgreSQL takes it: without an interface's name, and IPv4 as IPv4."""
    try:
        address: IPv4Address | IPv6Address = ip_address(text)
    except ValueError:
        # A Unix socket, a name, or a proxy that is not set up as we are told.
        return None
    if isinstance(address, IPv6Address):
        address = address.ipv4_mapped or IPv6Address(int(address))
    return str(address)
