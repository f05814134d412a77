"""The story in a browser: every step is done on the live page, and none is passed undone."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest

from tests.e2e.conftest import SMALL, Opener, Tab
from tests.support.looks import accessibility

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
    doors = it.page.locator("[data-breakdown=value] .doors button")
    while it.state("explained?.event.explanation?.update ?? null") is None:
        doors.last.click()
        it.until("s.explained?.event.address === window.glass.asked()")


def take_a_step(it: Tab) -> None:
    check(it, "last update")
    click(it, "One step")  # as the task says: the arrow keys belong to the switch
    assert it.state("show") == "delta"


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
    ("Every number has its parents", walk_to_a_weight),
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
    ("One step", take_a_step),
    ("How a weight changes", open_a_shrinking_weight),
    ("It remembers where it was going", lambda it: check(it, "m, the mean gradient")),
    ("Will it get better?", guess),
    ("Steps that are too large", break_it),
    ("And the cure", mend_it),
    ("Writing is drawing lots", watch_a_new_name),
    ("Cold", lambda it: heat(it, -1)),
    ("Hot", lambda it: heat(it, 0.4)),
    ("You begin, it continues", lambda it: fill(it, "begins with", "ma")),
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


@pytest.fixture(scope="module")
def told(tabs: Opener) -> Tab:
    """A tab on the second step, the tokenizer's."""
    it = tabs(f"{SMALL}&step=20&story=2")
    it.until("s.story?.memo && s.story.armed")
    return it


def test_a_step_takes_the_focus_to_its_title_and_says_aloud_when_it_is_done(tab: Opener) -> None:
    it = tab(f"{SMALL}&step=20&story=2")
    it.until("s.story?.armed")
    said = it.page.get_by_role("complementary", name="The story").get_by_role("status").first
    assert said.inner_text() == ""
    it.page.get_by_label("A text to tokenize").fill("emma")
    said.get_by_text("Done.").wait_for()
    click(it, "Next")
    heading = it.page.get_by_role("heading", name="What it has never seen")
    heading.wait_for()
    assert heading.evaluate("(one) => one === document.activeElement")
    assert not it.faults


def test_a_skipped_step_is_marked_and_the_progress_survives_a_reload(tab: Opener) -> None:
    it = tab(f"{SMALL}&step=20&story=2")
    it.until("s.story?.armed")
    it.page.get_by_label("A text to tokenize").fill("emma")
    it.until("s.story.done.length === 1")
    click(it, "Next")
    click(it, "Skip")
    it.until("s.story.at === 3 && s.story.armed")
    it.page.wait_for_url(re.compile("story=4"))
    it.page.reload()
    it.until("s.story?.armed")
    assert [it.state(f"story.{part}") for part in ("at", "done", "skipped")] == [3, [1], [2]]
    click(it, "Back")
    it.page.get_by_text("3 of 28, skipped").wait_for()
    click(it, "leave the story")
    it.until("s.story === null")
    it.page.wait_for_function("() => !location.hash.includes('story')")
    click(it, "Story")
    it.until("s.story?.at === 2")


def test_it_shows_its_subject_next_to_it(told: Tab) -> None:
    click(told, "Show me")
    lit = told.page.locator("[data-lit]")
    lit.wait_for()
    assert lit.get_by_role("heading", name="Tokenizer").count() == 1
    told.page.wait_for_function(  # the page has scrolled there, and nothing covers it
        """(one) => {
          const { x, y, width } = one.getBoundingClientRect();
          return one.contains(document.elementFromPoint(x + width / 2, y + 12));
        }""",
        arg=lit.element_handle(),
    )


@pytest.mark.parametrize("width", [390, 1280, 1920])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_it_fits_and_has_no_accessibility_fault(tab: Opener, width: int, scheme: str) -> None:
    link = f"{SMALL}&step=20&story=14&ask=What+comes+next%3F"
    it = tab(link, viewport={"width": width, "height": 844}, color_scheme=scheme)
    it.page.locator("[data-guess=open]").wait_for()
    guess(it)
    it.page.evaluate("() => scrollTo(0, 1e6)")
    assert it.page.evaluate("() => document.documentElement.scrollWidth") <= width
    faults = accessibility(it)
    assert not faults, "\n".join(faults)
    it.page.wait_for_function(  # the page still grows after it is scrolled to its end
        """() => {
          scrollTo(0, 1e6);
          const [end, story] = ["footer", ".story"].map((name) => document.querySelector(name));
          return end.getBoundingClientRect().bottom <= story.getBoundingClientRect().top + 1;
        }"""
    )
    click(it, "fold")
    assert it.page.get_by_role("complementary", name="The story").bounding_box()["height"] < 110
    assert not it.faults


def test_on_a_phone_its_controls_are_a_fingertip_wide(tab: Opener) -> None:
    it = tab(f"{SMALL}&step=20&story=14", viewport={"width": 390, "height": 844}, has_touch=True)
    it.page.locator(".story button, .story input").nth(9).wait_for()  # the letters to guess from
    boxes = [one.bounding_box() for one in it.page.locator(".story button, .story input").all()]
    assert len(boxes) >= 10
    assert all(box["height"] >= 43.9 and box["width"] >= 43.9 for box in boxes), boxes
