"""Where the server listens: the values of --host, and the errors for all others."""

from __future__ import annotations

import pytest

from glassgpt.errors import ConfigError
from glassgpt.server.listening import NO_HOST, listen

NOT_THAT = "takes an address or a name of this machine, which"
HOSTS = {  # what is given, the fault, what to do
    "": (NOT_THAT, NO_HOST),
    " ": (NOT_THAT, NO_HOST),
    "0": (NOT_THAT, NO_HOST),
    "256.1.1.1": (NOT_THAT, NO_HOST),
    "a\nb": (r"which 'a\nb' is not", NO_HOST),
    "http://": (NOT_THAT, NO_HOST),
    "[::1]": (NOT_THAT, "write --host ::1"),
    "[::1]:80": (NOT_THAT, "write --host ::1 --port 80"),
    "http://127.0.0.1:8000/": (NOT_THAT, "write --host 127.0.0.1 --port 8000"),
    "http://localhost": (NOT_THAT, "write --host localhost"),
    "127.0.0.1:80": (NOT_THAT, "write --host 127.0.0.1 --port 80"),
    "localhost:99999": (NOT_THAT, NO_HOST),
    "nosuch.invalid": ("'nosuch.invalid': no address is known for that name", NO_HOST),
    "192.0.2.1": ("on '192.0.2.1': Cannot assign requested address", "of this machine"),
}


@pytest.mark.parametrize(("host", "answer"), HOSTS.items(), ids=map(repr, HOSTS))
def test_an_invalid_host_is_refused_with_the_fault_and_what_to_write(
    host: str, answer: tuple[str, str]
) -> None:
    with pytest.raises(ConfigError) as caught:
        listen(host, 0)
    what, hint = answer
    assert what in caught.value.what
    assert hint in caught.value.hint
    assert "port 0" not in caught.value.what
    assert caught.value.what.isprintable()


def test_a_port_that_is_taken_is_named() -> None:
    with listen("127.0.0.1", 0) as first:
        port = first.getsockname()[1]
        with pytest.raises(ConfigError, match=f"port {port}: Address already in use"):
            listen("127.0.0.1", port)


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1", "0.0.0.0"])
def test_the_server_listens_at_names_and_addresses_of_this_machine(host: str) -> None:
    listen(host, 0).close()
