"""The story in a browser: every step is done on the live page, and none is passed undone."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from tests.e2e.conftest import SMALL, Opener, Tab
from tests.e2e.test_page import accessibility

Deed = Callable[[Tab], None]


def press(it: Tab, *keys: str) -> None:
    it.page.locator("body").evaluate("() => document.activeElement.blur()")
    for key in keys:
        it.page.keyboard.press(key)


def fill(it: Tab, label: str, text: str) -> None:
    box = it.page.get_by_label(label)
    box.fill(text)
    box.press("Enter")


def click(it: Tab, name: str) -> None:
    it.page.get_by_role("button", name=name, exact=True).click()


def check(it: Tab, name: str) -> None:
    it.page.get_by_role("radio", name=name).check()


def cell(it: Tab, figure: str) -> None:
    canvas = it.page.locator(f'canvas[data-figure="{figure}"]').first
    canvas.scroll_into_view_if_needed()
    canvas.click(position={"x": 12, "y": 5})


def select(it: Tab, name: str, index: list[int]) -> None:
    it.page.evaluate(
        "([name, index]) => window.glass.select({ kind: 'value', name, index })", [name, index]
    )
    it.until("s.explained?.event.address === window.glass.asked()")


def find(it: Tab, name: str, condition: str) -> list[int]:
    """Return an index of an array on the page for which `condition` on (x, index, tokens) holds."""
    found: list[int] = it.page.evaluate(
        f"""(name) => {{
          const {{ arrays, frame: {{ tokens }} }} = window.glass.state();
          const {{ data, shape }} = arrays.get(`value:${{name}}`);
          for (let i = 0; i < data.length; i++) {{
            let rest = i;
            const index = shape.toReversed().map((n) => {{
              const at = rest % n;
              rest = Math.floor(rest / n);
              return at;
            }}).reverse();
            if ({condition}) return index;
          }}
        }}""",
        name,
    )
    return found


def back_to_the_start(it: Tab) -> None:
    press(it, "Shift+ArrowRight")
    it.stands_at(10)
    press(it, "Home")


def send_a_name(it: Tab) -> None:
    it.page.get_by_label("A text to tokenize").fill("anna")
    click(it, "send it through the machine")


def walk_to_a_weight(it: Tab) -> None:
    doors = it.page.locator("[data-account=value] .doors button")
    while it.state("explained?.event.explanation?.update ?? null") is None:
        doors.last.click()
        it.until("s.explained?.event.address === window.glass.asked()")


def open_a_shrinking_weight(it: Tab) -> None:
    for column in range(8):
        select(it, "layer0.attn_wo", [1, column])
        if it.state("explained.event.explanation.update.delta") < 0:
            return


def guess(it: Tab) -> None:
    sliders = it.page.locator("[data-guess=open] input")
    for i, slider in enumerate(sliders.all()):
        slider.fill(str(20 + 10 * i))
    it.page.locator("[data-guess] button").click()
    it.page.locator("[data-guess=told]").wait_for()


def break_it(it: Tab) -> None:
    fill(it, "learning_rate", "1")
    it.until("s.hello.config.learning_rate === 1")
    click(it, "Play")
    it.until("s.stopped")


def mend_it(it: Tab) -> None:
    fill(it, "learning_rate", "0.01")
    it.until("s.hello.config.learning_rate === 0.01")
    click(it, "Reset")
    it.until("s.frame.step === 0 && !s.stopped")
    press(it, "End")


def watch_a_new_name(it: Tab) -> None:
    it.until("s.samples?.step === 120")
    it.page.locator("[data-sample]:not(.seen)").first.click()
    it.page.get_by_role("dialog").get_by_role("button", name="Close").click()


def heat(it: Tab, logarithm: float) -> None:
    it.page.get_by_role("slider", name="temperature").fill(str(logarithm))


def paste(it: Tab) -> None:
    check(it, "your own text")
    it.page.get_by_label("Your text, one document a line").fill("tick\ntack\ntock\nclick")
    it.until("s.considered?.documents === 4")


DEEDS: list[tuple[str, Deed]] = [
    ("Before it has learned anything", back_to_the_start),
    ("Letters become numbers", lambda it: it.page.get_by_label("A text to tokenize").fill("emma")),
    ("What it has never seen", lambda it: it.page.get_by_label("A text to tokenize").fill("r2d2")),
    ("The end is a token too", send_a_name),
    ("Surprise, in one number", lambda it: it.page.locator('[data-at="value:loss"]').click()),
    ("Every number knows its parents", walk_to_a_weight),
    (
        "Which way is downhill",
        lambda it: select(it, "logits", find(it, "logits", "index[1] === tokens[index[0] + 1]")),
    ),
    ("Do not believe it, check it", lambda it: cell(it, "value:layer0.mlp_fc1")),
    ("What, and where", lambda it: cell(it, "value:embd")),
    ("A letter asks", lambda it: cell(it, "value:layer0.attn.q")),
    (
        "Looking back",
        lambda it: select(
            it,
            "layer0.attn.weights",
            find(
                it,
                "layer0.attn.weights",
                "index[2] < index[1] && data[i] > data[i + index[1] - index[2]]",
            ),
        ),
    ),
    (
        "The silent ones",
        lambda it: select(it, "layer0.mlp.relu", find(it, "layer0.mlp.relu", "data[i] === 0")),
    ),
    ("The stream runs through", lambda it: cell(it, "value:layer0.attn.resid")),
    ("Guess with it", guess),
    ("One step", lambda it: (check(it, "last update"), press(it, "ArrowRight"))[0]),
    ("The ledger of a weight", open_a_shrinking_weight),
    ("It remembers where it was going", lambda it: check(it, "m, the mean gradient")),
    ("Will it get better?", guess),
    ("Steps that are too large", break_it),
    ("And the cure", mend_it),
    ("Writing is drawing lots", watch_a_new_name),
    ("Cold", lambda it: heat(it, -1)),
    ("Hot", lambda it: heat(it, 0.4)),
    ("You begin, it goes on", lambda it: fill(it, "begins with", "ma")),
    ("Guess once more", guess),
    ("The same, with more numbers", lambda it: fill(it, "n_embd", "16")),
    ("The same, with more text", paste),
    ("Your own model", lambda it: click(it, "Begin new run")),
]


def test_the_whole_story_is_done_on_the_page_and_no_step_is_passed_by_clicking(
    tab: Opener,
) -> None:
    it = tab(f"{SMALL}&step=0&story=1")
    page = it.page
    story = page.get_by_role("complementary", name="The story")
    for number, (title, deed) in enumerate(DEEDS, 1):
        last = number == len(DEEDS)
        story.get_by_role("heading", name=title).wait_for()
        it.until("s.story.memo")
        onward = story.get_by_role("button", name="Finish" if last else "Next", exact=True)
        assert onward.is_disabled(), title
        onward.dispatch_event("click")
        assert it.state("story.at") == number - 1, title
        deed(it)
        story.get_by_role("status").get_by_text("Done.").first.wait_for()
        onward.click()
    story.get_by_role("heading", name="That was all of it").wait_for()
    assert it.state("story.done.length") == len(DEEDS) == 28
    assert it.state("story.skipped") == []
    assert not it.faults
