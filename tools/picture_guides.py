"""Make the pictures in docs/guides: what a class sees, and what who learns alone opens.

python -m tools.picture_guides        needs Chromium and the built page
"""

from __future__ import annotations

from typing import Any

from tools.picture_page import PICTURES, Opener, glass, stands_at, until

TOLD = "s.explained?.event.address === window.glass.asked()"


def select(page: Any, name: str, index: list[int]) -> None:
    """Open a number, as a click on its cell does."""
    page.evaluate(
        "([name, index]) => window.glass.select({ kind: 'value', name, index })", [name, index]
    )
    until(page, TOLD)


def untrained(opened: Opener) -> None:
    """Take what it writes before it has learned anything, and the question of a class link."""
    page = opened("seed=42&step=0&ask=Which+of+these+could+be+a+name%3F", 1280, 720)
    stands_at(page, 0)
    page.screenshot(path=PICTURES / "lesson-start.png")


def guess(opened: Opener) -> None:
    """Take a guess shared out evenly, answered by the model."""
    page = opened("seed=42&step=1000&story=14", 1280, 720)
    stands_at(page, 1000)
    page.locator("[data-guess=open] button").click()
    page.locator("[data-guess=told]").wait_for()
    page.wait_for_timeout(1500)
    page.locator(".story").screenshot(path=PICTURES / "lesson-guess.png")


def broken(opened: Opener) -> None:
    """Take a run in the middle of which the learning rate was set to 1."""
    page = opened("seed=42&step=500", 1280, 720)
    stands_at(page, 500)
    rate = page.get_by_label("learning_rate")
    rate.fill("1")
    rate.press("Enter")
    until(page, "s.hello.config.learning_rate === 1")
    page.get_by_role("button", name="Play", exact=True).click()
    until(page, "s.stopped")
    page.evaluate("() => scrollTo(0, 0)")
    page.wait_for_timeout(500)
    below = page.locator("section.curve").bounding_box()
    clip = {"x": 0, "y": 0, "width": 1280, "height": below["y"] + below["height"]}
    page.screenshot(path=PICTURES / "lesson-broken.png", clip=clip)


def opened_weight(opened: Opener) -> None:
    """Take the breakdown of a weight: who uses it, its next update, the check of its gradient."""
    page = opened("seed=42&step=500", 1720, 900)
    stands_at(page, 500)
    select(page, "wte", [0, 3])
    page.add_style_tag(content=".picked { display: none }")  # it would lie over the panel
    panel = page.locator("section[aria-labelledby=selected]")
    x, top, width, _ = panel.bounding_box().values()
    end = panel.get_by_role("heading", name="In the graph").bounding_box()["y"]
    clip = {"x": x - 16, "y": top, "width": width + 32, "height": end - top}
    page.screenshot(path=PICTURES / "self-study-weight.png", clip=clip, full_page=True)


def main() -> None:
    """Take them all."""
    with glass() as opened:
        for picture in (untrained, guess, broken, opened_weight):
            picture(opened)


if __name__ == "__main__":
    main()
