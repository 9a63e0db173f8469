"""`allow_hosts`: what an entry takes, what is no host at all, and which addresses a name may turn out to have."""

import ipaddress

import pytest

from agentd.network.hosts import Entry, InvalidHost, entry_for, parse_authority, parse_host, parse_hosts


def allows(entries: list[str], host: str, port: int = 443) -> bool:
    return entry_for(parse_hosts(entries), parse_host(host), port) is not None


@pytest.mark.parametrize(
    ("entry", "host", "port", "taken"),
    [
        ("pypi.org", "pypi.org", 443, True),
        ("pypi.org", "PyPI.org.", 80, True),
        ("pypi.org", "pypi.org", 22, False),
        ("pypi.org", "evilpypi.org", 443, False),
        ("pypi.org", "pypi.org.evil.example", 443, False),
        ("pypi.org", "www.pypi.org", 443, False),
        ("*.debian.org", "deb.debian.org", 443, True),
        ("*.debian.org", "a.b.debian.org", 80, True),
        ("*.debian.org", "debian.org", 443, False),
        ("*.debian.org", "notdebian.org", 443, False),
        ("localhost:8080", "localhost", 8080, True),
        ("localhost:8080", "localhost", 8081, False),
        ("10.0.0.5:22", "10.0.0.5", 22, True),
        ("[::1]:9", "[::1]", 9, True),
        ("::1", "[0:0::1]", 443, True),
        ("*.example.com:8443", "a.example.com", 8443, True),
        ("*.example.com:8443", "a.example.com", 443, False),
    ],
)
def test_an_entry_takes_what_it_names_and_nothing_that_looks_like_it(
    entry: str, host: str, port: int, taken: bool
) -> None:
    assert allows([entry], host, port) is taken


@pytest.mark.parametrize(
    "host",
    ["", ".", "a..b", "-a.b", "a b", "a/b", "a@b", "127.1", "2130706433", "0x7f.0.0.1", "0x7f000001", "017700000001",
     "1.2.3.4.5", "example.0x1", "a\nb", "a\0b", "é.example", "x" * 64, "a." * 130 + "b", "[::1", "[fe80::1%eth0]",
     "%31%32.0.0.1", "user:pass@host"],
)  # fmt: skip
def test_what_a_resolver_might_take_for_an_address_is_no_host(host: str) -> None:
    with pytest.raises(InvalidHost):
        parse_host(host)


@pytest.mark.parametrize("text", ["a", "a:", "a:0", "a:65536", "a:-1", "a:8o", "a:1:2", "[::1]", "[::1]x:1", "::1:80"])
def test_an_authority_has_a_host_and_a_port(text: str) -> None:
    with pytest.raises(InvalidHost):
        parse_authority(text)


@pytest.mark.parametrize("entry", ["*", "*.", "*.1.2.3.4", "http://a", "a/b", "a:*", "a:99999", "", "*.*.a", "a b"])
def test_an_entry_that_is_no_host_is_refused_with_what_one_is(entry: str) -> None:
    with pytest.raises(InvalidHost, match="allow_hosts: .* is no host; write a name"):
        parse_hosts([entry])


@pytest.mark.parametrize(
    ("entry", "address", "borne"),
    [
        ("pypi.org", "151.101.0.223", True),
        ("pypi.org", "2a04:4e42::223", True),
        ("pypi.org", "127.0.0.1", False),
        ("pypi.org", "::1", False),
        ("pypi.org", "169.254.169.254", False),
        ("pypi.org", "0.0.0.0", False),
        ("pypi.org", "0.1.2.3", False),
        ("pypi.org", "::ffff:127.0.0.1", False),
        ("pypi.org", "64:ff9b::7f00:1", False),
        ("pypi.org", "2002:7f00:1::", False),
        ("pypi.org", "::127.0.0.1", False),
        ("pypi.org", "224.0.0.1", False),
        ("pypi.org", "255.255.255.255", False),
        ("git.corp.example", "10.1.2.3", True),
        ("git.corp.example", "fd00::1", True),
        ("git.corp.example", "100.64.0.1", True),
        ("*.corp.example", "10.1.2.3", False),
        ("*.corp.example", "127.0.0.1", False),
        ("git.corp.example", "fd00:ec2::254", False),
        ("git.corp.example", "100.100.100.200", False),
        ("git.corp.example", "168.63.129.16", False),
        ("168.63.129.16", "168.63.129.16", True),
        ("*.corp.example", "168.63.129.16", False),
        ("*.corp.example", "192.0.0.192", False),
        ("*.corp.example", "64:ff9b:1::7f00:1", False),
        ("*.corp.example", "::ffff:0:127.0.0.1", False),
        ("*.corp.example", "fec0::1", False),
        ("*.corp.example", "151.101.0.223", True),
        ("localhost:8080", "127.0.0.1", True),
        ("localhost:8080", "::1", True),
        ("box:8080", "127.0.1.1", True),
        ("127.0.0.1:8080", "127.0.0.1", True),
        ("169.254.169.254", "169.254.169.254", True),
    ],
)
def test_a_name_in_public_never_leads_to_this_machine_or_its_neighbours(entry: str, address: str, borne: bool) -> None:
    (found,) = parse_hosts([entry])
    assert found.bears(ipaddress.ip_address(address)) is borne


def test_the_entry_that_names_the_host_itself_counts_before_one_that_names_what_lies_above() -> None:
    entries = parse_hosts(["*.corp.example", "git.corp.example"])
    assert entry_for(entries, "git.corp.example", 443) == Entry("git.corp.example")
    assert entry_for(entries, "www.corp.example", 443) == Entry("corp.example", below=True)
