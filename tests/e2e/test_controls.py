"""Every control works: set-up, speeds, time, samples, slow motion, the loss curve."""

from __future__ import annotations

import random
import re
from pathlib import Path
from typing import Any

import pytest

from glassgpt import Config, GlassError, Sampling
from glassgpt.arrays import numbers
from glassgpt.model.config import Setting, settings
from glassgpt.model.sampling import probabilities
from glassgpt.training.interventions import Tune
from glassgpt.training.link import read_link
from tests.e2e.conftest import SMALL, Opener, Tab, exactly, shown, straight

FIELDS = {setting.name: setting for setting in settings(Config)}
LIVE = [name for name, setting in FIELDS.items() if setting.live]
STILL = [name for name, setting in FIELDS.items() if not setting.live]


@pytest.fixture(scope="module")
def it(tabs: Opener) -> Tab:
    opened = tabs(f"{SMALL}&step=5")
    opened.stands_at(5)
    return opened


def fill(it: Tab, name: str, text: str) -> Any:
    box = it.page.locator(f'input[name="{name}"]')
    box.fill(text)
    box.press("Enter")
    return box


def beyond(setting: Setting) -> list[float]:
    """Return a value below and a value above what a setting may be."""
    if isinstance(setting.default, int):
        return [setting.low - 1, setting.high + 1]
    return [setting.low / 2 if setting.low else -1, 2 * setting.high]


def terminal(name: str, value: float) -> str:
    """Return the terminal's error for a value."""
    with pytest.raises(GlassError) as caught:
        Config(**{name: int(value) if isinstance(FIELDS[name].default, int) else value})  # type: ignore[arg-type]
    return caught.value.what


@pytest.mark.parametrize("name", STILL)
def test_a_size_out_of_bounds_is_refused_in_the_terminals_words(it: Tab, name: str) -> None:
    for value in beyond(FIELDS[name]):
        fill(it, name, f"{value:.15g}")
        it.until(f"s.considered?.config['{name}'] === {value!r}")
        assert terminal(name, value) in it.page.locator(".new").inner_text()
        assert it.page.get_by_role("button", name="Begin new run").is_disabled()
        it.page.get_by_role("button", name="Cancel").click()
        it.until("!s.considered")


@pytest.mark.parametrize("name", LIVE)
def test_a_live_setting_out_of_bounds_is_refused_in_the_terminals_words(it: Tab, name: str) -> None:
    kept = it.state(f"hello.config.{name}")
    for value in beyond(FIELDS[name]):
        fill(it, name, f"{value:.15g}")
        it.told(terminal(name, value))
        it.page.locator(".notices").get_by_role("button", name="Close").click()
        it.until("!s.refused")
    assert it.state(f"hello.config.{name}") == kept


def test_a_live_field_shows_the_current_value_after_a_refusal(tab: Opener) -> None:
    it = tab(f"{SMALL}&step=5")
    box = fill(it, "learning_rate", "99")
    it.until("s.refused")
    assert float(box.input_value()) == it.state("hello.config.learning_rate")


@pytest.mark.parametrize(("name", "value"), [
    ("n_layer", 2), ("n_embd", 12), ("n_head", 4), ("block_size", 5), ("num_steps", 77),
    ("init_std", 0.2), ("seed", 11),
])  # fmt: skip
def test_a_setting_that_needs_a_new_model_makes_one(
    tab: Opener, names_file: Path, name: str, value: float
) -> None:
    it = tab(f"{SMALL}&step=5")
    fill(it, name, str(value))
    it.until(f"s.considered?.config['{name}'] === {value}")
    it.page.get_by_role("button", name="Begin new run").click()
    it.until(f"s.hello.config['{name}'] === {value} && s.losses.length >= 3")
    run = straight(names_file, 0, f"{SMALL}&{name}={value}")
    assert it.state("hello.parameters") == sum(
        len(numbers(a)) for a in run.engine.state().params.values()
    )
    told = it.page.evaluate("() => [...window.glass.state().losses.data.slice(0, 3)]")
    assert told == exactly([record.loss for record in run.run(3)])


@pytest.mark.parametrize(("name", "value"), [
    ("learning_rate", 0.05), ("beta1", 0.5), ("beta2", 0.9), ("eps", 0.001),
])  # fmt: skip
def test_a_live_setting_applies_from_the_next_step_on(
    tab: Opener, names_file: Path, name: str, value: float
) -> None:
    it = tab(f"{SMALL}&step=5")
    it.stands_at(5)
    fill(it, name, str(value))
    it.until(f"s.hello.config['{name}'] === {value}")
    run = straight(names_file, 5)
    run.apply(Tune(((name, value),)))
    it.page.get_by_label("Position in the run").focus()
    it.page.keyboard.press("Shift+ArrowRight")
    it.stands_at(15)
    told = it.page.evaluate("() => [...window.glass.state().losses.data.slice(5, 15)]")
    assert told == exactly([record.loss for record in run.run(10)])


def test_the_scalar_engine_is_chosen_and_is_the_same_run(tab: Opener, names_file: Path) -> None:
    it = tab(f"{SMALL}&step=0")
    if "fast" not in it.state("hello.engines"):
        pytest.skip("there is no other engine")
    it.page.get_by_role("combobox", name="engine").select_option("scalar")
    it.until("s.considered")
    it.page.get_by_role("button", name="Begin new run").click()
    it.until("s.hello.engine.name === 'scalar' && s.losses.length >= 5")
    told = it.page.evaluate("() => [...window.glass.state().losses.data.slice(0, 5)]")
    assert told == pytest.approx([r.loss for r in straight(names_file, 0).run(5)], abs=1e-9)
    assert it.shown("stat:engine").startswith("scalar")


@pytest.mark.parametrize(("label", "pace"), [
    ("1", 1), ("10", 10), ("100", 100), ("1k", 1000), ("max", 0),
])  # fmt: skip
def test_a_speed_is_accepted(it: Tab, label: str, pace: int) -> None:
    it.page.get_by_role("radio", name=label, exact=True).check()
    it.until(f"s.frame.pace === {pace}")


def test_ten_steps_a_second_are_ten(tab: Opener) -> None:
    it = tab("n_embd=8&n_head=2&block_size=8&num_steps=100000&seed=3&step=0")
    it.stands_at(0)
    it.page.get_by_role("radio", name="10", exact=True).check()
    it.page.get_by_role("button", name="Play", exact=True).click()
    took = it.page.evaluate(
        """() => new Promise((done) => {
          let from = 0, began = 0;
          const stop = window.glass.paint(({ frame }) => {
            const now = performance.now();
            if (!began && frame.step >= 1) [from, began] = [frame.step, now];
            if (!began || frame.step < from + 20) return;
            stop();
            done((now - began) / (frame.step - from));
          });
        })"""
    )
    assert took == pytest.approx(100, rel=0.25)


def test_reset_begins_the_same_run_again(tab: Opener) -> None:
    it = tab(f"{SMALL}&step=30")
    it.stands_at(30)
    before = it.page.evaluate("() => [...window.glass.state().losses.data.slice(0, 30)]")
    it.page.get_by_role("button", name="Reset").click()
    it.until("s.frame.step === 0 && s.losses.length === 0")
    assert it.state("hello.config.seed") == 3
    it.page.get_by_role("button", name="To the end").click()
    it.stands_at(120)
    assert it.page.evaluate("() => [...window.glass.state().losses.data.slice(0, 30)]") == before


def test_after_a_reset_the_log_names_its_documents(tab: Opener) -> None:
    it = tab(f"{SMALL}&step=30")
    it.until("s.documents.size")
    it.page.get_by_role("button", name="Reset").click()
    it.until("s.frame.step === 0 && s.losses.length === 0")
    it.page.get_by_role("button", name="One step", exact=True).click()
    it.until("s.documents.size", 2)


def test_new_seed_begins_another_run_and_says_which(tab: Opener, names_file: Path) -> None:
    it = tab(f"{SMALL}&step=5")
    it.page.get_by_role("button", name="New seed").click()
    it.until("s.hello.config.seed !== 3 && s.losses.length >= 3")
    seed = it.state("hello.config.seed")
    run = straight(names_file, 0, SMALL.replace("seed=3", f"seed={seed}"))
    told = it.page.evaluate("() => [...window.glass.state().losses.data.slice(0, 3)]")
    assert told == exactly([record.loss for record in run.run(3)])
    assert it.shown("stat:seed") == str(seed)


def test_to_the_end_and_a_step_back_are_exact(tab: Opener, names_file: Path) -> None:
    it = tab(f"{SMALL}&step=5")
    it.page.get_by_role("button", name="To the end").click()
    it.stands_at(120)
    it.page.get_by_role("button", name="One step back").click()
    it.stands_at(119)
    params = straight(names_file, 119).engine.state().params
    for name, a in params.items():
        told = it.page.evaluate(f"() => [...window.glass.state().arrays.get('value:{name}').data]")
        assert told == exactly(numbers(a)), name


def heat(it: Tab, keys: list[str]) -> float:
    it.page.get_by_role("slider", name="temperature").focus()
    for key in keys:
        it.page.keyboard.press(key)
    return float(it.shown("temperature"))


@pytest.mark.parametrize("keys", [["Home"], ["End"], ["ArrowRight"] * 7, ["ArrowLeft"] * 9])
def test_the_temperature_is_what_the_samples_are_drawn_at(
    tab: Opener, names_file: Path, keys: list[str]
) -> None:
    it = tab(f"{SMALL}&step=40")
    it.until("s.samples?.step === 40")
    temperature = heat(it, keys)
    assert temperature != 0.5
    it.until(f"Math.abs(s.samples.sampling.temperature - {temperature}) < 1e-9")
    wanted = list(straight(names_file, 40).sample(Sampling(temperature=temperature)))
    assert [one["text"] for one in it.state("samples.written")] == wanted


@pytest.mark.parametrize(("label", "text", "sentence"), [
    ("how many", "500", "samples is 500, but a page shows at most 200"),
    ("how many", "-1", "samples is -1, but must be between 0 and 100,000"),
    ("begins with", "Ä", "not in the vocabulary"),
    ("begins with", "abcdefgh", "the prefix has 8 characters"),
    ("draw seed", "seven", "draw seed is “seven”, but must be a whole number between 0 and"),
    ("draw seed", str(2**53), "whole number between 0 and 9,007,199,254,740,991"),
])  # fmt: skip
def test_an_invalid_draw_is_refused_with_a_sentence_and_its_field_shows_the_current_value(
    it: Tab, label: str, text: str, sentence: str
) -> None:
    it.until("s.samples?.step === 5")
    before = it.state("samples.written")
    box = it.page.get_by_label(label)
    held = box.input_value()
    box.fill(text)
    box.press("Enter")
    it.told(sentence)
    assert box.input_value() == held
    assert it.state("samples.written") == before
    it.page.locator(".notices").get_by_role("button", name="Close").click()
    it.until("!s.refused")


def test_after_a_refused_draw_the_temperature_still_works(tab: Opener) -> None:
    it = tab(f"{SMALL}&step=5")
    it.until("s.samples?.step === 5")
    box = it.page.get_by_label("how many")
    box.fill("500")
    box.press("Enter")
    it.until("s.refused")
    heat(it, ["End"])
    it.until("s.samples.sampling.temperature === 5", 1.5)


def test_a_long_draw_seed_is_in_the_link(tab: Opener) -> None:
    it = tab(f"{SMALL}&step=5")
    it.until("s.samples?.step === 5")
    box = it.page.get_by_label("draw seed")
    box.fill("12345678901")
    box.press("Enter")
    it.until("s.samples.seed === 12345678901")
    assert read_link(it.state("link")).sample_seed == 12345678901


@pytest.mark.parametrize("prefix", ["", "ma"])
def test_slow_motion_shows_the_engines_distribution_before_and_after_temperature(
    tab: Opener, names_file: Path, prefix: str
) -> None:
    it = tab(f"{SMALL}&step=40&temperature=0.7&prefix={prefix}")
    it.until("s.samples?.step === 40")
    it.page.locator('[data-sample="1"]').click()
    dialog = it.page.get_by_role("dialog")
    dialog.wait_for()
    run = straight(names_file, 40)
    before = [run.tokenizer.bos, *run.tokenizer.encode(prefix)]
    drawn = it.state("spelled.event.tokens")
    for i, token in enumerate(drawn):
        logits = numbers(run.engine.logits(before))
        plain, probs = probabilities(logits, 1), probabilities(logits, 0.7)
        titles = dialog.locator(".bar").evaluate_all("all => all.map((bar) => bar.title)")
        assert [re.sub(r"^.*: logit", "logit", title) for title in titles] == [
            f"logit {shown(z)}, probability {shown(p)} at temperature 1, {shown(q)} here"
            for z, p, q in zip(logits, plain, probs, strict=False)
        ]
        point = float(dialog.locator('[data-shown="point"]').inner_text())
        low = sum(probs[:token])
        assert low - 1e-6 <= point <= low + probs[token] + 1e-6  # where it fell is what was drawn
        before.append(token)
        if i + 1 < len(drawn):
            dialog.get_by_role("button", name="Next").click()
    assert dialog.get_by_role("button", name="Next").is_disabled()


def test_pointing_at_the_loss_curve_shows_step_document_and_every_digit_of_the_loss(
    tab: Opener, names_file: Path
) -> None:
    it = tab(f"{SMALL}&step=120")
    it.stands_at(120)
    records = list(straight(names_file, 0).run(120))
    box = it.page.get_by_role("slider", name="Position in the run").bounding_box()
    for step in random.Random(4).sample(range(1, 121), 8):
        it.page.mouse.move(box["x"] + box["width"] * step / 120, box["y"] + 60)
        record = records[step - 1]
        told = it.page.locator(".plot .told").get_by_text(f"step {step} · {record.document} · ")
        loss = told.inner_text().rpartition(" ")[2]
        assert float(loss) == exactly(record.loss)
        assert repr(float(loss)) == loss


def test_keep_to_one_document_and_follow_the_training_again(tab: Opener, names_file: Path) -> None:
    it = tab(f"{SMALL}&step=10")
    it.stands_at(10)
    box = it.page.get_by_label("keep to one document")
    box.fill("anna")
    box.press("Enter")
    it.until("s.frame.watching")
    run = straight(names_file, 10)
    sites = run.engine.forward(run.tokens("anna"))
    assert it.shown("document") == "anna"
    assert (
        it.page.locator('[data-at="value:loss"]')
        .inner_text()
        .startswith(shown(float(sites["loss"][()])))
    )
    it.page.get_by_role("button", name="follow the training").click()
    it.until("!s.frame.watching")
    assert it.shown("document") == run.document(10)


def test_the_fixed_document_survives_a_reload_and_is_in_the_link(tab: Opener) -> None:
    it = tab(f"{SMALL}&step=10")
    it.stands_at(10)
    box = it.page.get_by_label("keep to one document")
    box.fill("anna")
    box.press("Enter")
    it.page.wait_for_url(re.compile("watch=anna"))
    link = it.page.url.split("#")[1]
    it.page.reload()
    for one in (it, tab(link)):
        one.stands_at(10)
        one.until("s.frame.watching && s.frame.document === 'anna'")
        assert "kept to “anna”" in one.page.locator(".hold").inner_text()
    it.page.get_by_role("button", name="follow the training").click()
    it.page.wait_for_function("() => !location.hash.includes('watch')")


def test_a_document_outside_the_vocabulary_is_reported_and_no_longer_fixed(tab: Opener) -> None:
    it = tab(f"{SMALL}&step=10&watch=7up")
    it.told("'7'")
    it.until("s.watched === null && !s.frame.watching && s.arrays.has('value:probs')")
    it.page.wait_for_function("() => !location.hash.includes('watch')")


def test_the_log_turns_its_pages_and_a_row_goes_to_its_step(tab: Opener) -> None:
    it = tab(f"{SMALL}&step=40")
    it.stands_at(40)
    steps = "all => all.map((row) => Number(row.dataset.log))"
    assert it.page.locator("[data-log]").evaluate_all(steps) == list(range(40, 28, -1))
    it.page.get_by_role("button", name="older").click()
    assert it.page.locator("[data-log]").evaluate_all(steps) == list(range(28, 16, -1))
    it.page.get_by_role("button", name="newer").click()
    assert it.page.locator("[data-log]").evaluate_all(steps) == list(range(40, 28, -1))
    it.page.get_by_role("button", name="older").click()
    it.page.locator('[data-log="20"]').click()
    it.stands_at(20)
    it.page.get_by_role("button", name="follow", exact=True).click()
    assert it.page.locator("[data-log]").evaluate_all(steps)[0] == 20
