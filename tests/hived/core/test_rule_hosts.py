"""Hosts of tools against patterns: what is plainly on a host, and what only looks so."""

import pytest

from hived.core import rule_hosts


@pytest.mark.parametrize(
    ("pattern", "url"),
    [
        ("example.com", "https://example.com"), ("example.com", "http://example.com/a?b#c"), ("example.com", "HTTPS://EXAMPLE.COM/"),
        ("example.com", "https://example.com:443/"), ("example.com", "http://example.com:80"), ("Example.com", "https://example.com"),
        ("https://example.com", "https://example.com/a@b"), ("*.example.com", "https://a.example.com"),
        ("*.example.com", "https://a.b.example.com/x"), ("example.com:8443", "https://example.com:8443/"),
        ("localhost", "http://localhost/x"), ("localhost:8080", "http://localhost:8080"), ("10.0.0.1", "http://10.0.0.1/"),
        ("[::1]", "http://[::1]/"), ("xn--e1afmkfd.org", "https://xn--e1afmkfd.org"), ("example.com", "https://example.com?a=b"),
    ],
)  # fmt: skip
def test_an_address_on_the_host_is_allowed(pattern: str, url: str) -> None:
    assert rule_hosts.allows(pattern, url)


@pytest.mark.parametrize(
    ("pattern", "url"),
    [
        ("*.example.com", "https://example.com"), ("*.example.com", "https://example.com.evil.org"),
        ("*.example.com", "https://aexample.com"), ("*.example.com", "https://evil.org/.example.com"),
        ("example.com", "https://www.example.com"), ("example.com", "https://example.com.evil.org"),
        ("example.com", "https://example.com@evil.org"), ("example.com", "https://a:b@example.com"),
        ("example.com", "https://example.com:8443"), ("example.com", "http://example.com:443"),
        ("example.com:8443", "https://example.com"), ("https://example.com", "http://example.com"),
        ("example.com", "ftp://example.com"), ("example.com", "file://example.com/etc/passwd"), ("example.com", "example.com"),
        ("example.com", "//example.com"), ("example.com", "https:/example.com"), ("example.com", "https:\\\\example.com"),
        ("example.com", "https://evil.org\\@example.com"), ("example.com", "https://example.com\\@evil.org"),
        ("example.com", "https://example.com?@evil.org"), ("example.com", "https://example.com#@evil.org"),
        ("example.com", " https://example.com"), ("example.com", "https://example.com\n"), ("example.com", "https://exa\tmple.com"),
        ("example.com", "https://example.com."), ("example.com", "https://example.com:"), ("example.com", "https://example.com:0443"),
        ("example.com", "https://exаmple.com"), ("example.com", "https://ｅxample.com"), ("example.com", "https://example。com"),
        ("example.com", "https://example.com%2eevil.org"), ("example.com", "https://%65xample.com"), ("kb.com", "https://\u212ab.com"),
        ("*.example.com", "https://xn--e1a.example.com"), ("*.0.0.1", "http://10.0.0.1"), ("127.0.0.1", "http://127.1"),
        ("127.0.0.1", "http://2130706433"), ("127.0.0.1", "http://0x7f.0.0.1"), ("127.0.0.1", "http://0177.0.0.1"),
        ("*.com", "https://example.com"), ("*", "notaurl"), ("example.*", "https://example.com"), ("*example.com", "https://example.com"),
        ("example.com/a", "https://example.com/a"), ("*.example.com", "https://.example.com"), ("*.example.com", "https://a..example.com"),
        ("*.example.com", "https://-a.example.com"), ("example.com", ""), ("example.com", "https://example.com/" + "a" * 5000),
    ],
)  # fmt: skip
def test_what_only_looks_like_it_is_not(pattern: str, url: str) -> None:
    assert not rule_hosts.allows(pattern, url)


@pytest.mark.parametrize(
    ("pattern", "url"),
    [
        ("evil.org", "https://evil.org/x"), ("evil.org", "https://EVIL.org."), ("evil.org", "https://a@evil.org:99"),
        ("*.evil.org", "https://a.evil.org"), ("evil.org", "evil.org"), ("evil.org", "https:\\\\evil.org"),
        ("https://evil.org", "http://evil.org"), ("*evil*", "https://my-evil.net"), ("10.0.0.1", "http://10.0.0.1:80/"),
    ],
)  # fmt: skip
def test_a_deny_fits_any_name_in_the_address(pattern: str, url: str) -> None:
    assert rule_hosts.denies(pattern, url)


def test_a_deny_leaves_other_hosts_alone() -> None:
    assert not rule_hosts.denies("evil.org", "https://good.org/")
    assert not rule_hosts.denies("*.evil.org", "https://evil.org.good.org")
