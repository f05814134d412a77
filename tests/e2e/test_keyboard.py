"""The keyboard alone: Tab reaches every control, shows it and lets go; each does its work."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from tests.e2e.conftest import SMALL, Opener, Tab

FOCUSED = """() => {
  const e = document.activeElement;
  if (!e || e === document.body) return null;
  const seen = (one) => {
    const style = getComputedStyle(one);
    const width = style.outlineStyle === "none" ? 0 : parseFloat(style.outlineWidth);
    return width >= 2 && +style.opacity > 0;
  };
  const box = e.getBoundingClientRect();
  const bar = document.querySelector(".stays"); // once it sticks, nothing is hidden behind it
  const edge = bar.getBoundingClientRect();
  const top = edge.top > 0 || bar.contains(e) ? 0 : edge.bottom;
  return {
    index: window.order.indexOf(e),
    ringed: seen(e) || (e.closest("label") && seen(e.closest("label"))),
    inside: box.bottom - top >= Math.min(box.height, 24) && box.top < innerHeight &&
      box.right > 0 && box.left < innerWidth,
    what: e.outerHTML.slice(0, 160),
  };
}"""
# what a reader can act on: of radio buttons in a group only the chosen one takes the Tab
CONTROLS = """() => {
  const all = "button, input, select, textarea, a[href], summary, [tabindex='0']";
  window.order = [...document.querySelectorAll(all)].filter((e) =>
    !e.disabled && e.tabIndex >= 0 && e.checkVisibility({ visibilityProperty: true }) &&
    e.getClientRects().length && !(e.type === "radio" && !e.checked));
  return window.order.map((e) => e.outerHTML.slice(0, 160));
}"""
NAMED = [  # every group of controls the page promises, by role and name
    ("button", "Copy link"), ("button", "Save"), ("button", "Keys and words"),
    ("button", "Light or dark"), ("button", "To the start"), ("button", "One step back"),
    ("button", "Play"), ("button", "One step"), ("button", "To the end"), ("radio", "100"),
    ("button", "Reset"), ("button", "New seed"), ("slider", "Position in the run"),
    ("slider", "temperature"), ("textbox", "begins with"), ("spinbutton", "how many"),
    ("textbox", "draw seed"), ("spinbutton", "n_layer"), ("spinbutton", "n_embd"),
    ("spinbutton", "n_head"), ("spinbutton", "block_size"), ("spinbutton", "steps"),
    ("spinbutton", "learning_rate"), ("spinbutton", "beta1"), ("spinbutton", "beta2"),
    ("spinbutton", "eps"), ("spinbutton", "init_std"), ("spinbutton", "seed"),
    ("combobox", "engine"), ("radio", "as it is"), ("radio", "values"),
    ("textbox", "keep to one document"), ("button", "keep"), ("radio", "as above"),
    ("textbox", "A text to tokenize"), ("button", "send it through the machine"),
    ("button", "older"), ("button", "save CSV"),
]  # fmt: skip


@pytest.fixture
def it(tab: Opener) -> Tab:
    opened = tab(f"{SMALL}&step=20")
    opened.until("s.samples?.step === 20 && s.baselines")
    opened.stands_at(20)
    return opened


def control(it: Tab, role: str, name: str) -> Any:
    exact = role == "button" or name in ("100", "seed", "steps", "values")
    return it.page.get_by_role(role, name=name, exact=exact).first


def walk(it: Tab, key: str) -> list[dict[str, Any]]:
    """Press Tab until the focus has left the page or come round; return all that had it."""
    met: list[dict[str, Any]] = []
    for _ in range(400):
        it.page.keyboard.press(key)
        focused = it.page.evaluate(FOCUSED)
        if focused is None or (met and focused == met[0]):
            return met
        met.append(focused)
    raise AssertionError(f"after 400 times {key} the focus is still inside, at {met[-1]['what']}")


def test_tab_reaches_every_control_shows_it_and_leaves_the_page(it: Tab) -> None:
    for role, name in NAMED:
        assert control(it, role, name).is_visible(), (role, name)
    wanted = it.page.evaluate(CONTROLS)
    met = walk(it, "Tab")
    reached = {one["index"] for one in met}
    assert [what for i, what in enumerate(wanted) if i not in reached] == []
    assert [one["what"] for one in met if not one["ringed"]] == []
    assert [one["what"] for one in met if not one["inside"]] == []
    assert not it.faults


def test_shift_tab_goes_back_through_the_same_controls(it: Tab) -> None:
    it.page.evaluate(CONTROLS)
    there = [one["index"] for one in walk(it, "Tab") if one["index"] >= 0]
    met = walk(it, "Shift+Tab")
    back = [one["index"] for one in met if one["index"] >= 0]
    assert back == there[::-1]
    assert [one["what"] for one in met if not one["inside"]] == []
    assert there == sorted(there)  # and the order is that of the document


Check = Callable[[Tab], None]


def until(condition: str) -> Check:
    return lambda it: it.until(condition)


def visible(selector: str) -> Check:
    return lambda it: it.page.locator(selector).wait_for()


# role and name of a control, its keys, and what must then be true
WORKS: list[tuple[str, str, list[str], Check]] = [
    ("button", "Save", ["Enter"], visible("#save:popover-open")),
    ("button", "Keys and words", ["Enter"], visible("dialog[open] dl.words")),
    ("button", "Light or dark", ["Space"], visible(":root[data-theme=dark]")),
    ("button", "To the start", ["Enter"], until("s.frame.step === 0")),
    ("button", "One step back", ["Space"], until("s.frame.step === 19")),
    ("button", "Play", ["Enter"], until("s.frame.playing || s.frame.step === 120")),
    ("button", "One step", ["Space"], until("s.frame.step === 21")),
    ("button", "To the end", ["Enter"], until("s.frame.step === 120")),
    ("radio", "100", ["ArrowLeft"], until("s.frame.pace === 10")),
    ("radio", "100", ["ArrowRight", "ArrowRight"], until("s.frame.pace === 0")),
    ("button", "Reset", ["Enter"], until("s.frame.step === 0 && s.hello.config.seed === 3")),
    ("button", "New seed", ["Enter"], until("s.hello.config.seed !== 3")),
    ("slider", "Position in the run", ["ArrowRight"], until("s.frame.step === 21")),
    ("slider", "Position in the run", ["Shift+ArrowLeft"], until("s.frame.step === 10")),
    ("slider", "Position in the run", ["PageUp"], until("s.frame.step === 32")),
    ("slider", "Position in the run", ["Home"], until("s.frame.step === 0")),
    ("slider", "Position in the run", ["End"], until("s.frame.step === 120")),
    ("slider", "temperature", ["End"], until("s.samples?.sampling.temperature === 5")),
    ("slider", "temperature", ["Home"], until("s.samples?.sampling.temperature <= 0.05")),
    ("textbox", "begins with", ["a", "Tab"], until("s.samples?.sampling.prefix === 'a'")),
    ("spinbutton", "how many", ["ArrowDown"], until("s.samples?.written.length === 19")),
    ("textbox", "draw seed", ["8", "Enter"], until("s.samples?.seed === 8")),
    ("spinbutton", "n_layer", ["ArrowUp"], until("s.considered?.config.n_layer === 2")),
    ("spinbutton", "learning_rate", ["Control+a", "0", ".", "5", "Enter"],
     until("s.hello.config.learning_rate === 0.5")),
    ("combobox", "engine", ["ArrowDown"], visible("text=Begin new run")),
    ("radio", "as it is", ["ArrowDown"], visible("text=Begin new run")),
    ("radio", "values", ["ArrowRight"], until("s.show === 'grad' && s.arrays.has('grad:wte')")),
    ("radio", "values", ["ArrowLeft"], until("s.show === 'delta' && s.arrays.has('delta:wte')")),
    ("textbox", "keep to one document", ["a", "n", "n", "Enter"],
     until("s.frame.watching && s.frame.document === 'ann'")),
    ("button", "keep", ["Enter"], until("s.frame.watching")),
    ("radio", "as above", ["ArrowRight"], until("s.moments === 'm' && s.arrays.has('m:wte')")),
    ("textbox", "A text to tokenize", ["Control+a", "a", "b"], until("s.tokens?.text === 'ab'")),
    ("button", "send it through the machine", ["Enter"], until("s.frame.watching")),
    ("button", "older", ["Enter"], visible("[data-log='1']")),
]  # fmt: skip


@pytest.fixture(scope="module")
def kept(tabs: Opener) -> Tab:
    return tabs(f"{SMALL}&step=20")


@pytest.mark.parametrize(
    ("role", "name", "keys", "check"), WORKS, ids=[f"{n}: {' '.join(k)}" for _, n, k, _ in WORKS]
)
def test_a_control_works_by_its_keys(
    kept: Tab, role: str, name: str, keys: list[str], check: Check
) -> None:
    kept.page.evaluate(
        "link => { sessionStorage.clear(); history.replaceState(null, '', `#${link}`) }",
        f"{SMALL}&step=20",
    )
    kept.page.reload()
    kept.until("s.samples?.step === 20 && !s.frame.busy && s.losses.length >= 20")
    target = control(kept, role, name)
    target.focus()
    for key in keys:
        kept.page.keyboard.press(key)
    check(kept)
    assert not kept.faults


def test_a_sample_opens_by_enter_and_its_dialog_closes_by_escape(it: Tab) -> None:
    sample = it.page.locator('[data-sample="2"]')
    sample.focus()
    it.page.keyboard.press("Enter")
    it.page.get_by_role("dialog").wait_for()
    it.page.keyboard.press("Tab")
    assert it.page.evaluate("() => !!document.activeElement.closest('dialog')")
    it.page.keyboard.press("Escape")
    it.until("!s.spelled")
    assert sample.evaluate("e => e === document.activeElement")


@pytest.mark.parametrize("name", ["Keys and words", "Save"])
def test_what_opens_is_closed_by_escape_and_gives_the_focus_back(it: Tab, name: str) -> None:
    opener = control(it, "button", name)
    opener.focus()
    it.page.keyboard.press("Enter")
    opened = it.page.locator("dialog[open], #save:popover-open")
    opened.wait_for()
    if name == "Save":  # a menu, which does not take the focus by itself
        it.page.keyboard.press("Tab")
    assert it.page.evaluate(
        "() => !!document.activeElement.closest('dialog[open], #save:popover-open')"
    )
    it.page.keyboard.press("Escape")
    opened.wait_for(state="hidden")
    assert opener.evaluate("e => e === document.activeElement")


def test_the_save_menu_is_worked_by_tab_and_enter(it: Tab) -> None:
    control(it, "button", "Save").focus()
    it.page.keyboard.press("Enter")
    for _ in range(4):
        it.page.keyboard.press("Tab")
    with it.page.expect_download() as download:
        it.page.keyboard.press("Enter")
    assert download.value.suggested_filename.endswith("-log.csv")
    assert it.page.locator("#save:popover-open").count() == 0


def test_the_question_mark_opens_the_help_but_not_while_one_types(it: Tab) -> None:
    box = control(it, "textbox", "A text to tokenize")
    box.focus()
    it.page.keyboard.press("?")
    assert it.page.locator("dialog[open]").count() == 0
    box.blur()
    it.page.keyboard.press("?")
    it.page.locator("dialog[open]").wait_for()


def test_the_guide_is_closed_by_enter_once_and_for_all(tab: Opener) -> None:
    it = tab(f"{SMALL}&step=1", guide=True)
    it.page.get_by_role("button", name="Got it").focus()
    it.page.keyboard.press("Enter")
    it.page.get_by_role("complementary", name="First visit").wait_for(state="hidden")
    it.page.reload()
    it.until("s.frame.step === 1")
    assert it.page.get_by_role("complementary", name="First visit").count() == 0


FIGURES = ["value:wte", "value:layer0.attn.weights", "value:layer0.mlp.relu", "value:logits"]
MOVES = ["ArrowRight", "ArrowDown", "ArrowRight", "ArrowLeft", "ArrowDown", "ArrowUp"]


@pytest.mark.parametrize("figure", [*FIGURES, "value:probs"])
def test_arrow_keys_move_within_a_figure_and_do_not_change_the_step(it: Tab, figure: str) -> None:
    canvas = it.page.locator(f'[data-figure="{figure}"]').first
    canvas.focus()
    it.until(f"s.arrays.has('{figure}')")
    it.page.keyboard.press("ArrowDown")
    it.until("s.hovered")
    places = [tuple(it.state("hovered.index"))]
    for key in MOVES:
        it.page.keyboard.press(key)
        it.page.wait_for_function("() => window.glass.settled()")
        places.append(tuple(it.state("hovered.index")))
    it.page.keyboard.press("Enter")
    it.until("s.selected")
    assert it.state("selected.name") == figure.partition(":")[2]
    assert it.state("selected.index") == it.state("hovered.index")
    assert len(set(places)) >= 3, places
    it.page.keyboard.press("Space")
    it.page.keyboard.press("Home")
    assert it.state("frame.step") == 20
    assert not it.state("frame.playing")
    assert canvas.evaluate("e => e === document.activeElement")


@pytest.mark.parametrize(
    "name", ["probs", "layer0.attn_wq"]
)  # bars narrower than a fingertip, and cells
def test_after_a_click_the_arrow_keys_continue_from_there(it: Tab, name: str) -> None:
    canvas = it.page.locator(f'[data-figure="value:{name}"]').first
    canvas.click(position={"x": 9.5, "y": 20.5})
    it.until("s.selected")
    row, column = it.state("selected.index")
    assert column > 0
    for key, place in [("ArrowRight", [row, column + 1]), ("ArrowLeft", [row, column])]:
        it.page.keyboard.press(key)
        it.until(f"JSON.stringify(s.hovered?.index) === '[{place[0]},{place[1]}]'", 3)
    it.page.keyboard.press("ArrowRight")
    it.page.locator(".loupe code").get_by_text(f"value:{name}[{row},{column + 1}]").wait_for()


@pytest.mark.parametrize("name", ["probs", "layer0.attn_wq"])
def test_after_a_click_on_a_number_space_plays(it: Tab, name: str) -> None:
    it.page.locator(f'[data-figure="value:{name}"]').first.click(position={"x": 9.5, "y": 20.5})
    it.until("s.selected")
    it.page.keyboard.press("Space")
    it.until("s.frame.step > 20", 5)


def test_any_arrow_enters_an_attention_map(it: Tab) -> None:
    it.page.locator('[data-figure="value:layer0.attn.weights"]').first.focus()
    for arrow in ("ArrowRight", "ArrowLeft", "ArrowUp", "ArrowDown"):
        it.page.keyboard.press(arrow)
        it.until("s.hovered", 1)
        assert it.state("hovered.index") == [0, 0, 0], arrow
        it.page.keyboard.press("Escape")
        it.until("!s.hovered")


def test_a_step_right_and_a_step_left_in_a_matrix_end_where_they_began(it: Tab) -> None:
    it.page.locator('[data-figure="value:layer0.attn_wq"]').first.focus()
    for key, place in [
        ("ArrowRight", [0, 0]), ("ArrowRight", [0, 1]), ("ArrowDown", [1, 1]),
        ("Shift+ArrowRight", [1, 5]), ("Shift+ArrowLeft", [1, 1]), ("ArrowLeft", [1, 0]),
        ("ArrowUp", [0, 0]), ("ArrowUp", [0, 0]),
    ]:  # fmt: skip
        it.page.keyboard.press(key)
        it.until(f"JSON.stringify(s.hovered?.index) === '{str(place).replace(' ', '')}'")


def test_time_keys_work_where_no_figure_has_the_focus(it: Tab) -> None:
    canvas = it.page.locator('[data-figure="value:wte"]').first
    canvas.focus()
    it.page.keyboard.press("ArrowRight")
    it.until("s.hovered")
    assert it.state("frame.step") == 20
    canvas.blur()
    it.page.keyboard.press("ArrowRight")
    it.stands_at(21)
    it.page.keyboard.press("Space")
    it.until("s.frame.playing || s.frame.step === 120")


def test_the_log_is_one_stop_of_the_tab_and_arrows_walk_all_its_rows(it: Tab) -> None:
    stop = it.page.get_by_role("grid", name="Log").locator("[tabindex='0']")
    assert stop.count() == 1
    stop.focus()
    for presses, step in [(5, 15), (10, 5)]:  # twelve rows are shown; past the last the log turns
        for _ in range(presses):
            it.page.keyboard.press("ArrowDown")
        it.page.keyboard.press("Enter")
        it.stands_at(step)
    assert stop.count() == 1
