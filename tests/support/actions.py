"""What a reader does on the page."""

from __future__ import annotations

import base64

from tests.e2e.conftest import Tab

WHAT_IF = "[aria-labelledby='what-if'] input[type=range]"


def select(it: Tab, address: str) -> None:
    """Select by the hook that a click on the cell also calls."""
    kind, _, where = address.partition(":")
    name, _, index = where.partition("[")
    places = [int(i) for i in index.rstrip("]").split(",") if i]
    it.page.evaluate(
        "([kind, name, index]) => window.glass.select({ kind, name, index })", [kind, name, places]
    )
    it.until(f"s.explained?.event.address === {address!r}")


def drop(it: Tab, octets: bytes, name: str = "mine.txt", onto: str = "fieldset.data") -> None:
    transfer = it.page.evaluate_handle(
        """([text, name]) => {
          const transfer = new DataTransfer();
          const bytes = Uint8Array.from(atob(text), (c) => c.charCodeAt(0));
          transfer.items.add(new File([bytes], name, { type: "text/plain" }));
          return transfer;
        }""",
        [base64.b64encode(octets).decode(), name],
    )
    it.page.locator(onto).dispatch_event("drop", {"dataTransfer": transfer})


def drag(it: Tab, way: float) -> None:
    it.page.locator(WHAT_IF).evaluate(
        "(input, way) => { input.value = way;"
        " input.dispatchEvent(new Event('input', { bubbles: true })); }",
        way,
    )
