"""Hosts of tools against patterns of rules: `example.com`, `*.example.com`, `https://example.com:8443`."""

import re

from hived.core import globs

_URL = re.compile(
    r"(https?)://(\[[0-9a-f:.]+\]|[a-z0-9._-]+)(?::([0-9]{1,5}))?(?:/[\x21-\x7e]*|[?#][\x21-\x3f\x41-\x7e]*)?",
    re.ASCII | re.IGNORECASE,
)
_PATTERN = re.compile(
    r"(?:(https?)://)?(\*\.)?(\[[0-9a-f:.]+\]|[a-z0-9._-]+)(?::([0-9]{1,5}))?/?", re.ASCII | re.IGNORECASE
)
_LABEL = re.compile(r"[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?", re.ASCII)
DEFAULT_PORTS = {"http": "80", "https": "443"}
_MOST_CHARACTERS = 4096
_IN_TEXT = re.compile(r"[\w.-]+")


def host_of(url: str) -> tuple[str, str, str] | None:
    """(scheme, host, port), each as it is compared; None for whatever is not plainly an address of the web."""
    if len(url) > _MOST_CHARACTERS or "\\" in url:
        return None
    found = _URL.fullmatch(url)
    if found is None:
        return None
    scheme = found[1].lower()
    port = found[3] or DEFAULT_PORTS[scheme]
    return scheme, found[2].lower(), port


def allows(pattern: str, url: str) -> bool:
    """Whether that address is on a host that the pattern names.

    An IP address, a name of one label and one in punycode are fitted by their exact name alone; a port that is not the
    scheme's own by one that the pattern gives.
    """
    found, wanted = host_of(url), _PATTERN.fullmatch(pattern)
    if found is None or wanted is None or flaw(pattern) is not None:
        return False
    scheme, host, port = found
    if wanted[1] is not None and wanted[1].lower() != scheme:
        return False
    if port != (wanted[4] or DEFAULT_PORTS[scheme]):
        return False
    name = wanted[3].lower()
    if not wanted[2]:
        return host == name
    return _is_plain(host) and host.endswith(f".{name}")


def denies(pattern: str, url: str) -> bool:
    """Whether any name in that address could be a host that the pattern names."""
    wanted = _PATTERN.fullmatch(pattern)
    name = pattern if wanted is None else f"{wanted[2] or ''}{wanted[3]}"
    pieces = globs.pieces(name.casefold().rstrip("."))
    text = url[:_MOST_CHARACTERS].casefold()
    return any(globs.fits(pieces, one.strip(".")) for one in [text, *_IN_TEXT.findall(text)])


def flaw(pattern: str) -> str | None:
    """Why that pattern can allow no host."""
    wanted = _PATTERN.fullmatch(pattern)
    if wanted is None:
        return "it names no host: say example.com, *.example.com or example.com:8443"
    if wanted[2] and ("." not in wanted[3] or not _is_plain(wanted[3].lower())):
        return "*. stands before a name of two labels at least"
    return None


def _is_plain(host: str) -> bool:
    """A name of two labels at least, no IP address in any form, nothing in punycode."""
    labels = host.split(".")
    if len(labels) < 2 or not all(_LABEL.fullmatch(label) for label in labels):
        return False
    return not any(label.startswith("xn--") for label in labels) and not re.fullmatch(r"[0-9]+|0x[0-9a-f]*", labels[-1])
