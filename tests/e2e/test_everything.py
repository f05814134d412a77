"""Every panel open at once: the page's own rules still hold."""

from __future__ import annotations

import pytest

from tests.e2e.conftest import SMALL, Opener, Tab
from tests.support.actions import drag, select
from tests.support.looks import accessibility, small_controls

WEIGHT = "value:layer0.attn_wo[1,2]"


def open_everything(it: Tab) -> None:
    """Open story, question, branches, a preview, a band, the verdict, a weight and its graph."""
    it.until("s.samples && s.story && s.baselines")
    send = "(command) => window.glass.send(command)"
    it.page.evaluate(
        send, {"kind": "Ablate", "part": "head", "layer": 0, "number": 1, "hold": True}
    )
    it.page.evaluate(send, {"kind": "Seek", "step": 30})
    it.until("s.branches?.branches.length === 2 && s.frame.step === 30 && !s.frame.busy")
    it.page.evaluate(send, {"kind": "Verify", "steps": 5})
    it.until("s.verified?.step === 5")
    it.page.get_by_role("button", name="show the spread").click()
    it.until("s.band?.event.finished === 20")
    drag(it, 0.9)
    it.until("s.preview?.event.done")
    select(it, WEIGHT)
    it.page.get_by_role("button", name="find it among the nodes").click()
    it.until("s.neighbours")


def open_origins(it: Tab) -> None:
    select(it, f"value:probs[0,{it.state('frame.tokens')[1]}]")
    it.page.get_by_role("button", name="take every step again").click()
    it.until("s.attribution?.done")


@pytest.mark.parametrize(("width", "scheme"), [(390, "dark"), (1280, "light"), (1920, "dark")])
def test_it_fits_and_has_no_accessibility_fault(tab: Opener, width: int, scheme: str) -> None:
    it = tab(
        f"{SMALL}&step=20&story=9&ask=Why%3F",
        viewport={"width": width, "height": 900},
        color_scheme=scheme,
    )
    open_everything(it)
    for more in (lambda it: None, open_origins):
        more(it)
        assert it.page.evaluate("() => document.documentElement.scrollWidth") <= width
        faults = accessibility(it)
        assert not faults, "\n".join(faults)
    assert it.faults == []


def test_on_a_phone_every_control_is_a_fingertip_wide(tab: Opener) -> None:
    it = tab(f"{SMALL}&step=20&story=9", viewport={"width": 390, "height": 844}, has_touch=True)
    open_everything(it)
    for more in (lambda it: None, open_origins):
        more(it)
        controls, small = small_controls(it, "#page")
        assert controls > 100
        assert small == []
