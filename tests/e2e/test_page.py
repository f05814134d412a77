"""The page in a browser: its first five seconds, time, samples, set-up, reload, no fault in it."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from glassgpt import Sampling, read_documents
from glassgpt.engines import default_engine
from tests.conftest import Reference
from tests.e2e.conftest import SITE, SMALL, Opener, Tab, exactly, needs_server, straight
from tests.support.looks import accessibility, small_controls
from tests.support.serving import Served


def test_within_five_seconds_a_newcomer_sees_it_learn(tab: Opener) -> None:
    it = tab(
        SMALL.replace("num_steps=120", "num_steps=100000"), guide=True
    )  # it continues meanwhile
    it.until("s.losses.length > 20", 5)
    it.until("s.samples", 5)
    assert it.page.get_by_role("complementary", name="First visit").is_visible()
    assert it.state("frame.playing")
    assert "seed=3" in it.page.url
    it.page.get_by_role("button", name="Got it").click()
    it.page.get_by_role("button", name="Pause").click()
    it.until("!s.frame.playing")
    assert not it.faults


MISSED = """() => new Promise((done) => {
  const missed = new Set(), lengths = new Set(), end = performance.now() + 2000;
  const stop = window.glass.paint(({ arrays, sight, frame }) => {
    lengths.add(frame.tokens.length);
    for (const [name, times] of sight) {
      if (times > 0 && !arrays.has(`value:${name}`)) missed.add(name);
    }
    if (performance.now() > end) { stop(); done([[...missed], lengths.size]); }
  });
})"""


def test_at_full_speed_no_figure_in_sight_goes_blank(tab: Opener) -> None:
    it = tab("num_steps=100000", viewport={"width": 1280, "height": 2000})
    it.until("s.sight.get('probs') > 0 && s.arrays.has('value:probs') && s.frame.step > 20")
    missed, lengths = it.page.evaluate(MISSED)
    assert missed == []
    assert lengths > 2  # the machine has changed its shape meanwhile


def test_with_reduced_motion_the_run_begins_paused_with_a_button_to_play(tab: Opener) -> None:
    it = tab(SMALL, reduced_motion="reduce")
    it.until("s.samples && s.baselines")  # a run that played would have taken steps by now
    assert it.state("frame.step") == 0
    it.page.get_by_role("button", name="Play", exact=True).click()
    it.until("s.frame.step > 3")


def test_time_moves_both_ways_by_every_control(tab: Opener) -> None:
    it = tab()
    press = it.page.keyboard.press
    for key, step in [
        ("ArrowRight", 1), ("Shift+ArrowRight", 11), ("ArrowLeft", 10), ("End", 120), ("Home", 0),
    ]:  # fmt: skip
        press(key)
        it.until(f"s.frame.step === {step} && !s.frame.busy")
    it.page.get_by_role("button", name="One step", exact=True).click()
    it.until("s.frame.step === 1")
    it.page.get_by_role("button", name="One step back").click()
    it.until("s.frame.step === 0")
    it.page.get_by_role("button", name="To the end").click()
    it.until("s.frame.step === 120 && !s.frame.busy")
    slider = it.page.get_by_role("slider", name="Position in the run")
    box = slider.bounding_box()
    it.page.mouse.click(box["x"] + box["width"] / 4, box["y"] + 40)
    it.until("s.frame.step === 30 && !s.frame.busy")
    slider.focus()
    press("PageUp")
    it.until("s.frame.step === 42 && !s.frame.busy")
    press("Space")
    assert not it.faults


def test_the_log_and_the_curve_hold_the_runs_losses(tab: Opener, names_file: Path) -> None:
    it = tab(f"{SMALL}&step=25")
    it.until("s.frame.step === 25 && !s.frame.busy")
    session = straight(names_file, 0)
    records = list(session.run(25))
    told = it.page.evaluate("() => [...window.glass.state().losses.data.slice(0, 25)]")
    assert told == exactly([record.loss for record in records])
    it.page.wait_for_function(
        "() => !document.querySelector('[data-log] .document').textContent.includes('…')"
    )
    for record in records[-12:]:
        cells = it.page.locator(f'[data-log="{record.step}"] td').all_inner_texts()
        assert cells[1] == record.document
        assert cells[2] == f"{record.loss:.4f}"
    assert it.shown("loss") == f"{records[-1].loss:.4f}"
    assert it.shown("smoothed") == f"{sum(r.loss for r in records) / 25:.2f}"


def test_its_samples_are_the_runs_own(tab: Opener, names_file: Path) -> None:
    it = tab(f"{SMALL}&step=40")
    it.until("s.samples?.step === 40")
    texts = [one["text"] for one in it.state("samples.written")]
    session = straight(names_file, 40)
    assert texts == list(session.sample(Sampling()))
    shown = it.page.locator("[data-sample]").all_inner_texts()
    assert [text.split(",")[0].strip().rstrip("…").replace("∅", "") for text in shown] == texts
    known = set(read_documents(names_file))
    assert [one["seen"] for one in it.state("samples.written")] == [t in known for t in texts]


def test_samples_follow_temperature_prefix_count_and_seed(tab: Opener, names_file: Path) -> None:
    import random

    it = tab(f"{SMALL}&step=40")
    it.until("s.samples?.step === 40")
    for label, text, drawn in [
        ("begins with", "ma", "s.samples.sampling.prefix === 'ma'"),
        ("how many", "5", "s.samples.written.length === 5"),
        ("draw seed", "7", "s.samples.seed === 7"),
    ]:
        box = it.page.get_by_label(label)
        box.fill(text)
        box.press("Enter")
        it.until(drawn)
    session = straight(names_file, 40)
    session._rng = random.Random(7)
    wanted = list(session.sample(Sampling(num_samples=5, prefix="ma")))
    assert [one["text"] for one in it.state("samples.written")] == wanted
    assert all(text.startswith("ma") for text in wanted)


def test_a_sample_is_drawn_again_in_slow_motion(tab: Opener) -> None:
    it = tab(f"{SMALL}&step=40")
    it.until("s.samples?.step === 40")
    it.page.locator('[data-sample="3"]').click()
    dialog = it.page.get_by_role("dialog")
    dialog.wait_for()
    spelled = it.state("spelled.event")
    assert spelled["text"] == it.state("samples.written[3].text")
    points = it.page.evaluate("() => [...window.glass.state().spelled.arrays.get('points').data]")
    for i, point in enumerate(points):
        assert float(it.shown("point")) == pytest.approx(point, abs=1e-6)
        if i + 1 < len(points):
            dialog.get_by_role("button", name="Next").click()
    dialog.get_by_role("button", name="Close").click()
    assert not it.faults


def test_a_new_run_is_announced_before_it_is_made(tab: Opener) -> None:
    it = tab(f"{SMALL}&step=5")
    it.until("s.frame.step === 5")
    box = it.page.get_by_label("n_embd")
    box.fill("12")
    box.press("Enter")
    it.until("s.considered?.parameters")
    assert it.state("frame.step") == 5
    assert "new model" in it.page.locator(".new").inner_text()
    it.page.get_by_role("button", name="Begin new run").click()
    it.until("s.hello.config.n_embd === 12 && s.frame.step > 3")
    assert not it.faults


def test_invalid_sizes_are_refused_in_the_words_of_the_terminal(tab: Opener) -> None:
    it = tab()
    box = it.page.get_by_label("n_embd")
    box.fill("7")
    box.press("Enter")
    it.until("s.considered?.problem")
    assert "multiple of n_head" in it.page.locator(".new").inner_text()
    assert it.page.get_by_role("button", name="Begin new run").is_disabled()


@pytest.mark.parametrize(
    ("octets", "words"),
    [
        (b"", "no documents"),
        (b"\x00\x01\xfe\xff" * 50, "zero bytes"),
        ("שלום\nעולם\n".encode(), "2 documents"),
        ("🙂🙃\ne\u0301a\n".encode(), "2 documents"),
    ],
)
def test_own_data_of_every_kind_is_described(tab: Opener, octets: bytes, words: str) -> None:
    it = tab()
    it.page.locator('main input[type="file"]').set_input_files(
        {"name": "mine.txt", "mimeType": "text/plain", "buffer": octets}
    )
    it.until("s.considered || s.refused")
    it.settles()
    setup = it.page.get_by_role("region", name="Set-up").inner_text()
    notices = it.page.locator(".notices").inner_text()
    assert re.search(words, setup + notices), setup + notices
    it.page.keyboard.press("Escape")
    assert it.state("line") == "open"


def test_own_data_is_learned_from(tab: Opener) -> None:
    it = tab()
    it.page.locator('main input[type="file"]').set_input_files(
        {"name": "mine.txt", "mimeType": "text/plain", "buffer": b"xyz\nzyx\n"}
    )
    it.until("s.considered?.documents === 2")
    it.page.get_by_role("button", name="Begin new run").click()
    it.until("s.hello.data_name === 'mine.txt' && s.frame.step > 5")
    it.page.get_by_role("button", name="Pause").click()
    it.until("!s.frame.playing")
    it.is_in_the_address(f"step={it.state('frame.step')}")
    again = tab(it.page.url.split("#")[1])
    again.stands_at(it.state("frame.step"))
    assert again.state("hello.documents") == 2


def test_a_reload_in_mid_training_keeps_the_run(tab: Opener) -> None:
    it = tab(SMALL)
    it.until("s.frame.step > 10")
    run = it.state("hello.run")
    it.is_in_the_address("step=")
    it.page.reload()
    it.until("s.losses.length > 10")
    assert (it.state("hello.run") == run) != SITE  # a site begins the run of the address


def test_a_link_shows_the_same_state_elsewhere(tab: Opener) -> None:
    one = tab(f"{SMALL}&step=17")
    one.until("s.frame.step === 17 && !s.frame.busy")
    one.page.get_by_role("radio", name="gradients").check()
    one.page.locator('[data-figure="grad:wte"]').first.click(position={"x": 9, "y": 9})
    one.is_in_the_address("at=")  # written last, at most twice a second
    link = one.page.url.split("#")[1]
    two = tab(link)
    two.until("s.frame.step === 17 && !s.frame.busy && s.selected")
    two.until("s.explained?.event.step === 17")
    two.settles()
    for name in ("selected", "selected-value", "selected-grad", "document", "loss"):
        assert one.shown(name) == two.shown(name)


@pytest.mark.parametrize("shown", [SMALL, f"{SMALL}&step=17"], ids=["playing", "standing"])
def test_a_link_pasted_into_an_open_tab_opens(tab: Opener, shown: str) -> None:
    it = tab(shown)
    it.until("s.frame.step >= 17 && s.samples")
    run, link = it.state("hello.run"), f"{SMALL.replace('seed=3', 'seed=8')}&step=9"
    it.page.goto(f"{it.page.url.split('#')[0]}#{link}")  # as typed: the document stays
    it.until("s.hello.config.seed === 8")
    it.stands_at(9)
    assert it.state("hello.run") != run
    it.page.wait_for_url(re.compile("seed=8.*step=9"))
    it.page.go_back()
    it.until("s.hello.config.seed === 3")
    assert it.faults == []


def test_the_address_that_the_page_writes_itself_opens_nothing(tab: Opener) -> None:
    it = tab(f"{SMALL}&step=17")
    it.stands_at(17)
    run = it.state("hello.run")
    it.page.evaluate("() => { window.stays = true }")
    for step in (18, 19):
        it.page.keyboard.press("ArrowRight")
        it.page.wait_for_url(re.compile(f"step={step}"))
    assert it.page.evaluate("() => window.stays")
    assert it.state("hello.run") == run


def test_a_diverging_run_shows_where_and_offers_the_step_before(tab: Opener) -> None:
    it = tab(f"{SMALL}&learning_rate=10&beta1=0")
    it.until("s.stopped")
    text = it.page.locator(".notices").inner_text()
    assert "Training stopped at step" in text
    assert "gave the token that came next a probability of 0" in text
    it.page.get_by_role("button", name="Go to the step before").click()
    it.until("!s.stopped")


def test_a_stopped_run_says_which_numbers_are_missing(tab: Opener) -> None:
    it = tab(f"{SMALL}&learning_rate=10&beta1=0")
    it.until("s.stopped")
    it.page.locator(".notices").get_by_role("button", name="Close").click()
    for name in (
        "no-pass",
        "no-numbers",
    ):  # missing numbers are reported as long as they are missing
        told = it.page.locator(f"[data-shown={name}]").text_content()
        assert "does not end in finite numbers" in told
    assert not any("…" in text for text in it.page.locator(".live").all_text_contents())


def test_with_the_reference_names_it_is_the_reference(tab: Opener, reference: Reference) -> None:
    if default_engine()[0] != "fast":
        pytest.skip("a thousand steps take the scalar engine too long here")
    it = tab("seed=42&step=0")
    text = "\n".join(reference.documents).encode()
    it.page.locator('main input[type="file"]').set_input_files(
        {"name": "names.txt", "mimeType": "text/plain", "buffer": text}
    )
    it.until(f"s.considered?.documents === {len(reference.documents)}")
    it.page.get_by_role("button", name="Begin new run").click()
    it.until(f"s.hello.documents === {len(reference.documents)} && s.frame.playing")
    it.page.get_by_role("button", name="To the end").click()
    it.until("s.frame.step === 1000 && s.samples?.step === 1000")
    told = it.page.evaluate("() => [...window.glass.state().losses.data.slice(0, 1000)]")
    assert told == pytest.approx(reference.losses, abs=1e-9)
    assert it.shown("loss") == f"{reference.losses[-1]:.4f}"
    assert [one["text"] for one in it.state("samples.written")] == reference.samples


@pytest.mark.parametrize("width", [390, 1280, 1920])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_it_fits_and_has_no_accessibility_fault(tab: Opener, width: int, scheme: str) -> None:
    it = tab(f"{SMALL}&step=8", viewport={"width": width, "height": 900}, color_scheme=scheme)
    it.until("s.samples && s.baselines && s.arrays.has('value:wte')")
    assert it.page.evaluate("() => document.documentElement.scrollWidth") <= width
    faults = accessibility(it)
    assert not faults, "\n".join(faults)
    assert not it.faults


@pytest.mark.parametrize("width", [390, 1280, 1920])
def test_with_everything_open_it_fits_and_has_no_fault_either(tab: Opener, width: int) -> None:
    """Own text in the set-up, a refusal, a long document held, moments, gradients, a selection."""
    link = f"{SMALL}&n_layer=2&block_size=16&step=8&at=layer0.mlp_fc1[5,3]&show=grad"
    it = tab(link, viewport={"width": width, "height": 900}, color_scheme="light")
    it.until("s.samples && s.baselines && s.arrays.has('value:wte')")
    page = it.page
    page.get_by_role("radio", name="v, the mean").check()
    page.get_by_role("button", name="layer 1").click()
    page.get_by_label("keep to one document").fill("annabellannabell")
    page.get_by_label("keep to one document").press("Enter")
    page.get_by_label("your own text").check()
    page.get_by_label("Your text, one document a line").fill("averylonglinewithoutanyspace" * 30)
    page.get_by_label("A text to tokenize").fill("Ångström")
    page.get_by_label("how many").fill("500")
    page.get_by_label("how many").press("Enter")
    it.until("s.considered && s.refused && s.frame.watching && s.tokens?.problem")
    assert page.evaluate("() => document.documentElement.scrollWidth") <= width
    faults = accessibility(it)
    assert not faults, "\n".join(faults)
    assert not it.faults


@pytest.mark.parametrize("opener", ["Keys and words", "Save", "sample"])
def test_what_opens_over_the_page_fits_a_phone(tab: Opener, opener: str) -> None:
    it = tab(f"{SMALL}&step=8", viewport={"width": 390, "height": 844})
    it.until("s.samples && s.arrays.has('value:wte')")
    if opener == "sample":
        it.page.locator("[data-sample]").first.click()
    else:
        it.page.get_by_role("button", name=opener, exact=True).click()
    over = it.page.locator("dialog[open], #save:popover-open")
    over.wait_for()
    box = over.bounding_box()
    assert box["x"] >= 0
    assert box["x"] + box["width"] <= 390
    faults = accessibility(it)
    assert not faults, "\n".join(faults)


PARTS = [
    "header", ".stays", ".curve", "#setup ~ *", "#tokenizer ~ *", "#log ~ *",
    "#machine ~ .controls", "#weights ~ fieldset", "#samples ~ *", ".mathematics",
]  # fmt: skip


@pytest.mark.parametrize("part", PARTS)
def test_on_a_phone_every_control_is_a_fingertip_wide(phone: Tab, part: str) -> None:
    controls, small = small_controls(phone, part)
    assert controls
    assert small == []


@pytest.mark.parametrize("width", [390, 1280, 1600])
def test_the_keys_of_time_stay_in_sight_and_leave_the_screen_to_the_page(
    phone: Tab, width: int
) -> None:
    phone.page.set_viewport_size({"width": width, "height": 844})
    for share in (0.0, 0.5, 1.0):
        bottom = phone.page.evaluate(
            """(share) => {
              const end = document.documentElement.scrollHeight - innerHeight;
              scrollTo(0, share * end);
              const seen = (e) => {
                const { x, y, width, height } = e.getBoundingClientRect();
                return e.contains(document.elementFromPoint(x + width / 2, y + height / 2));
              };
              const bar = document.querySelector(".transport");
              if (![...bar.querySelectorAll("button, .step")].every(seen)) return Infinity;
              return share > 0 ? bar.getBoundingClientRect().bottom : 0;
            }""",
            share,
        )
        assert bottom <= 64, (width, share)
    phone.page.set_viewport_size({"width": 390, "height": 844})


@pytest.fixture(scope="module")
def phone(tabs: Opener) -> Tab:
    it = tabs(f"{SMALL}&step=20", viewport={"width": 390, "height": 844}, has_touch=True)
    it.until("s.samples?.step === 20")
    it.page.get_by_label("your own text").check()
    it.page.get_by_label("Your text, one document a line").fill("ab\nba")
    it.until("s.considered")
    return it


@needs_server
def test_the_page_says_when_the_server_is_gone_and_recovers(
    served: Served, browser: Any, names_file: Path
) -> None:
    from tests.support.serving import serving

    context = browser.new_context()
    page = context.new_page()
    with serving(data=names_file) as server:
        port = server.port
        page.goto(f"http://127.0.0.1:{port}/#{SMALL}&step=3")
        page.wait_for_function("() => window.glass?.state().frame?.step === 3")
        page.wait_for_url(re.compile("step=3$"))  # the address follows within a second
    page.get_by_text("The server does not answer").wait_for()
    with serving("--port", str(port), data=names_file):
        page.wait_for_function(
            "() => window.glass.state().line === 'open' && window.glass.state().frame?.step === 3",
            timeout=15_000,
        )
    context.close()
    assert served.process.poll() is None


NEWER = """window.WebSocket = class extends WebSocket {
  set onmessage(ear) {
    super.onmessage = ({ data }) => {
      const bytes = new Uint8Array(typeof data === "string" ? 0 : data);
      const found = /"version":/.exec(new TextDecoder("latin1").decode(bytes));
      if (found) bytes[found.index + found[0].length] = "9".charCodeAt(0);
      ear({ data });
    };
  }
};"""  # the server's version becomes 9


@needs_server
def test_a_page_that_does_not_fit_the_server_says_so_and_offers_to_load_it_again(
    tab: Opener,
) -> None:
    it = tab()
    it.page.add_init_script(NEWER)
    it.page.reload()
    it.told("the page speaks version 1 of the protocol, the server version 9")
    assert it.page.evaluate("() => window.glass.state().hello") is None
    it.page.get_by_role("button", name="Load the page again").wait_for()


@needs_server
def test_after_a_lost_connection_it_requests_what_was_shown_last(tab: Opener) -> None:
    it = tab(f"{SMALL}&step=3")
    said: list[str] = []
    lines: list[Any] = []

    def meet(line: Any) -> None:
        server = line.connect_to_server()
        lines.append(line)

        def pass_on(message: str | bytes) -> None:
            said.append(str(message))
            server.send(message)

        line.on_message(pass_on)

    it.page.route_web_socket(re.compile("/ws$"), meet)
    it.page.reload()
    it.stands_at(3)
    it.page.wait_for_url(re.compile("step=3$"))
    for step in (4, 5):
        it.page.keyboard.press("ArrowRight")
        it.stands_at(step)
    lines[-1].close()
    it.until("s.line !== 'open'")
    it.until("s.line === 'open'")
    assert "step=5" in [message for message in said if '"Open"' in message][-1]
