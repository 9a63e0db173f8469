"""`allow_hosts`: which hosts a sandbox without a network may reach all the same, and which addresses those may turn out to have.

An entry is a name (`pypi.org`), a name and all below it without itself (`*.debian.org`), an address, each with or without a port;
without one it means 80 and 443. Pure.
"""

import ipaddress
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

WEB_PORTS = frozenset({80, 443})
Address = ipaddress.IPv4Address | ipaddress.IPv6Address

_LABEL = r"[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?"
_NAME = re.compile(rf"{_LABEL}(?:\.{_LABEL})*")
_PORT = re.compile(r"[0-9]{1,5}")
_NUMBER = re.compile(r"[0-9]+|0x[0-9a-f]*")
_EMBEDDING = (ipaddress.IPv6Network("64:ff9b::/96"), ipaddress.IPv6Network("::/96"))
"""Of IPv6, where the last 32 bits are an address of IPv4."""
_NOT_PUBLIC = tuple(
    ipaddress.ip_network(network)
    for network in ("64:ff9b:1::/48", "::ffff:0:0:0/96", "fec0::/10", "5f00::/16", "192.0.0.0/24", "192.88.99.0/24")
)
"""The library takes them for global; they lead into this machine's own network, or to translators in it."""
_METADATA = tuple(
    map(ipaddress.ip_address, ("168.63.129.16", "192.0.0.192", "100.100.100.200", "fd00:ec2::254", "fd20:ce::254"))
)
"""Of clouds, beside 169.254.169.254: they give their machine's own credentials to whoever asks."""
_THIS_NETWORK = ipaddress.IPv4Network("0.0.0.0/8")


class InvalidHost(ValueError):
    """One sentence."""


@dataclass(frozen=True, slots=True)
class Entry:
    host: str
    below: bool = False
    """`*.host`: what lies below it."""
    port: int | None = None

    def takes(self, host: str, port: int) -> bool:
        if port != self.port if self.port is not None else port not in WEB_PORTS:
            return False
        return host.endswith(f".{self.host}") if self.below else host == self.host

    def bears(self, address: Address) -> bool:
        """Whether its host may be at that address: one in public, or one that the operator must have meant."""
        found = _unwrapped(address)
        if found.is_multicast or found.is_unspecified:
            return False
        meant = not self.below and (is_address(self.host) or "." not in self.host or self.host.endswith(".localhost"))
        if meant:
            return True
        if found in _METADATA:
            return False
        if found.is_global and not any(found in network for network in _NOT_PUBLIC):
            return True
        if self.below:
            return False
        return not (found.is_loopback or found.is_link_local or found.is_reserved or found in _THIS_NETWORK)


def parse_hosts(entries: Iterable[str]) -> tuple[Entry, ...]:
    """Raises InvalidHost."""
    return tuple(_entry(entry) for entry in entries)


def entry_for(entries: Sequence[Entry], host: str, port: int) -> Entry | None:
    """`host` as `parse_host` gives it."""
    exact = [entry for entry in entries if entry.takes(host, port)]
    return min(exact, key=lambda entry: entry.below, default=None)


def parse_authority(text: str, default_port: int | None = None) -> tuple[str, int]:
    """`host:port`, `[address]:port`, and, where there is a default, without a port. Raises InvalidHost."""
    if text.startswith("["):
        host, bracket, rest = text.partition("]")
        host, rest = host + bracket, rest
        if rest and not rest.startswith(":"):
            raise InvalidHost(f"{text[:300]!r} is no host.")
        port = rest[1:] if rest else None
    else:
        host, colon, given = text.partition(":")
        port = given if colon else None
    if port is None:
        if default_port is None:
            raise InvalidHost(f"{text[:300]!r} has no port.")
        return parse_host(host), default_port
    if _PORT.fullmatch(port) is None or not 0 < int(port) < 65536:
        raise InvalidHost(f"{text[:300]!r} has no port from 1 to 65535.")
    return parse_host(host), int(port)


def parse_host(text: str) -> str:
    """A name in small letters without a last dot, or an address as the library writes it. Raises InvalidHost: for anything
    that a resolver may take for an address although it is not written like one, too."""
    if text.startswith("[") and text.endswith("]"):
        try:
            if "%" in text:
                raise ValueError("a scope is this machine's own affair")
            return str(ipaddress.IPv6Address(text[1:-1]))
        except ValueError as error:
            raise InvalidHost(f"{text[:300]!r} is no host.") from error
    name = text.lower().removesuffix(".")
    try:
        return str(ipaddress.IPv4Address(name))
    except ValueError:
        pass
    last = name.rpartition(".")[2]
    if len(name) > 253 or _NAME.fullmatch(name) is None or _NUMBER.fullmatch(last):
        raise InvalidHost(f"{text[:300]!r} is no host.")
    return name


def is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


def is_loopback(host: str) -> bool:
    """By its writing alone."""
    return host == "localhost" or (is_address(host) and ipaddress.ip_address(host).is_loopback)


def _entry(text: str) -> Entry:
    given = text.strip()
    below = given.startswith("*.")
    try:
        bare = _bracketed(given.removeprefix("*."))
        with_port = bare.rpartition(":")[1] and not bare.endswith("]")
        host, port = parse_authority(bare) if with_port else (parse_host(bare), None)
    except InvalidHost as error:
        raise InvalidHost(_WRONG.format(text=text[:300])) from error
    if below and is_address(host):
        raise InvalidHost(_WRONG.format(text=text[:300]))
    return Entry(host, below, port)


def _bracketed(text: str) -> str:
    """An IPv6 address may stand there without its brackets, where it has no port."""
    return f"[{text}]" if is_address(text) and ":" in text else text


_WRONG = "allow_hosts: {text!r} is no host; write a name, *.name or an address, with :port where it is not 80 or 443."


def _unwrapped(address: Address) -> Address:
    if isinstance(address, ipaddress.IPv6Address):
        if address.ipv4_mapped is not None:
            return address.ipv4_mapped
        if address.sixtofour is not None:
            return address.sixtofour
        if int(address) > 1 and any(address in network for network in _EMBEDDING):
            return ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
    return address
