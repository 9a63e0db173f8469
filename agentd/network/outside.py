"""What stands between this machine and the rest: the operator's own proxy and certificates, from an engine's environment."""

import ssl
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

PROXY_VARIABLES = ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy", "https_proxy", "all_proxy")
BYPASS_VARIABLES = ("NO_PROXY", "no_proxy")
CERTIFICATE_VARIABLES = (
    "SSL_CERT_FILE", "SSL_CERT_DIR", "NODE_EXTRA_CA_CERTS", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "PIP_CERT", "GIT_SSL_CAINFO",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Outside:
    """`environment`: what the engine would have had, had it a network."""

    environment: Mapping[str, str] = field(default_factory=dict)

    def proxy_for(self, scheme: str, host: str) -> str | None:
        """The operator's proxy on the way to that host; None: there is none."""
        from urllib.request import proxy_bypass_environment  # type: ignore[attr-defined]

        bypass = next((self.environment[name] for name in BYPASS_VARIABLES if name in self.environment), "")
        if proxy_bypass_environment(host, {"no": bypass}):
            return None
        names = (f"{scheme}_proxy", f"{scheme.upper()}_PROXY", "all_proxy", "ALL_PROXY")
        return next((self.environment[name] for name in names if self.environment.get(name)), None)

    def tls(self) -> ssl.SSLContext:
        """Those of this machine, and those that the operator named. Blocking."""
        import certifi

        context = ssl.create_default_context()
        if not context.get_ca_certs() and "SSL_CERT_FILE" not in self.environment:
            context.load_verify_locations(cafile=certifi.where())
        for name in CERTIFICATE_VARIABLES:
            path = Path(self.environment.get(name, ""))
            if path.is_file():
                context.load_verify_locations(cafile=path)
            elif path.is_dir() and name == "SSL_CERT_DIR":
                context.load_verify_locations(capath=path)
        return context
