"""Access policy: which hosts, origins and tokens the server accepts, and where it may be framed.

On loopback the name of the host is checked; elsewhere only the token of the printed link is.
A page of another origin is refused unless that origin is allowed.
"""

from __future__ import annotations

import hashlib
import secrets
from dataclasses import dataclass, field
from ipaddress import ip_address
from urllib.parse import urlsplit

from starlette.requests import HTTPConnection
from starlette.responses import Response

from glassgpt.errors import ConfigError

LOOPBACK = frozenset({"127.0.0.1", "localhost", "[::1]"})
OLD_LINK = (
    "this page needs the link that the server printed when it started; "
    "a restarted server prints a new link"
)


@dataclass(slots=True)
class AccessPolicy:
    """Accepts a request by its host name if there is no token, otherwise by its token."""

    hosts: frozenset[str] = LOOPBACK
    token: str = ""
    origins: frozenset[str] = frozenset()  # of proxies, in addition to the server's own
    framing: tuple[str, ...] = ()  # origins whose pages may show this one in a frame
    address: str = field(default="", compare=False)  # the link that opens the page

    def refuses(self, connection: HTTPConnection) -> str:
        """Return why a connection is not accepted, or nothing."""
        host = connection.headers.get("host", "")
        if not self.token and name_of(host) not in self.hosts:
            return (
                f"this server does not answer for the host {host!r}; behind a proxy start it with "
                f"--allow-origin and the address of the page, as in --allow-origin https://{host}"
            )
        origin = connection.headers.get("origin")
        if origin is not None and origin != f"http://{host}" and origin not in self.origins:
            return (
                f"a page from {origin!r} may not use this server; if that is the address of its "
                f"page behind a proxy, start it with --allow-origin {origin}"
            )
        if self.token and not secrets.compare_digest(self._cookie(connection), self.token):
            return OLD_LINK
        return ""

    def opens(self, given: str) -> bool:
        """Whether a link's token is the right one."""
        right = self.token and given.isascii() and secrets.compare_digest(given, self.token)
        return bool(right)

    def let_in(self, answer: Response, scheme: str) -> None:
        """Set the cookie that carries the token from now on."""
        framed = bool(self.framing) and scheme == "https"  # browsers demand TLS for such a cookie
        answer.set_cookie(
            self._cookie_name,
            self.token,
            httponly=True,
            secure=scheme == "https",
            samesite="none" if framed else "lax",  # strict: a link on another page would not open
        )

    @property
    def headers(self) -> dict[str, str]:
        """The HTTP headers of every page."""
        ancestors = " ".join(("'self'", *self.framing)) if self.framing else "'none'"
        return {
            "Content-Security-Policy": "default-src 'self'; style-src 'self' 'unsafe-inline'; "
            f"img-src 'self' data: blob:; frame-ancestors {ancestors}",
            "Referrer-Policy": "no-referrer",
            "X-Content-Type-Options": "nosniff",
        }

    @property
    def _cookie_name(self) -> str:
        """A name for each server: a browser sends the cookies of a host to all its ports."""
        return f"glassgpt-{hashlib.sha256(self.token.encode()).hexdigest()[:8]}"

    def _cookie(self, connection: HTTPConnection) -> str:
        found: str = connection.cookies.get(self._cookie_name, "")
        return found if found.isascii() else ""


def access_policy_for(
    host: str, origins: tuple[str, ...] = (), framing: tuple[str, ...] = ()
) -> AccessPolicy:
    """Return the access policy of a server that listens at `host`.

    Raises `ConfigError` if an origin is not valid.
    """
    allowed = [origin_of(text, "--allow-origin") for text in origins]
    names = {name_of(urlsplit(origin).netloc) for origin in allowed}
    return AccessPolicy(
        hosts=LOOPBACK | names | {bracketed(host).lower()},
        token="" if is_loopback(host) else secrets.token_urlsafe(16),
        origins=frozenset(allowed),
        framing=tuple(origin_of(text, "--allow-framing") for text in framing),
    )


def origin_of(text: str, option: str) -> str:
    """Return an origin as browsers send it; raise `ConfigError` if `text` is not one."""
    try:
        parts = urlsplit(text)
        port = parts.port
    except ValueError:
        parts, port = urlsplit(""), None
    bare = not (parts.path.strip("/") or parts.query or parts.fragment or "@" in parts.netloc)
    plain = all(sign.isalnum() or sign in "-._:[]" for sign in parts.netloc)  # it goes in a header
    if parts.scheme not in ("http", "https") or not parts.hostname or not bare or not plain:
        raise ConfigError(
            f"{option} takes an origin, which {text!r} is not",
            "give scheme, host and port as the address bar shows them: https://host:8443",
        )
    usual = {"http": 80, "https": 443}[parts.scheme]
    ending = "" if port in (None, usual) else f":{port}"
    return f"{parts.scheme}://{bracketed(parts.hostname)}{ending}"


def name_of(host: str) -> str:
    """Return a host without its port."""
    name, _, port = host.lower().rpartition(":")
    return name if name and port.isdigit() and not host.endswith("]") else host.lower()


def bracketed(host: str) -> str:
    """Return a host as it is written in an address."""
    return f"[{host}]" if ":" in host else host


def is_loopback(host: str) -> bool:
    """Whether only this machine can reach a host."""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
