"""The truth law for everything except cells: bars, loupe, inspector, log, facts, formulas."""

from __future__ import annotations

import math
import random
from collections.abc import Mapping
from pathlib import Path

import pytest

from glassgpt import Config, Sampling, Session, StepRecord, builtin_names
from glassgpt.analysis.baselines import baselines, validation_documents, validation_loss
from glassgpt.arrays import Array, array, numbers, shape
from glassgpt.data.documents import fingerprint
from glassgpt.engines import create
from glassgpt.model.state import State
from glassgpt.training.link import Experiment, write_link
from glassgpt.training.recipe import Recipe
from glassgpt.training.samples import text_of
from tests.e2e.conftest import SITE, SMALL, Opener, Tab, shown, straight

STEP = 23
Computed = Mapping[str, Mapping[str, Array]]


@pytest.fixture(scope="module")
def run(names_file: Path) -> Session:
    return straight(names_file, STEP)


@pytest.fixture(scope="module")
def records(names_file: Path) -> list[StepRecord]:
    return list(straight(names_file, 0).run(STEP))


def minus(a: Array, b: Array) -> Array:
    return array((x - y for x, y in zip(numbers(a), numbers(b), strict=False)), shape(a))


@pytest.fixture(scope="module")
def computed(names_file: Path) -> Computed:
    """Every array at the step by kind and name, from a separate engine."""
    session = straight(names_file, STEP - 1)
    before = session.engine.state().params
    session.run(1)
    state = session.engine.state()
    engine = create(session.engine.name, session.config, session.tokenizer.vocab_size)
    engine.load(State(state.params, state.m, state.v))
    sites = engine.forward(session.tokens(session.document(STEP)))
    gradients = engine.backward()
    return {
        "value": {**state.params, **sites},
        "grad": {**gradients.params, **gradients.sites},
        "delta": {name: minus(a, before[name]) for name, a in state.params.items()},
        "m": state.m,
        "v": state.v,
    }


@pytest.fixture(scope="module")
def it(tabs: Opener) -> Tab:
    opened = tabs(f"{SMALL}&step={STEP}")
    opened.stands_at(STEP)
    opened.until(f"s.samples?.step === {STEP} && s.baselines && s.arrays.has('value:wte')")
    return opened


def at(text: str) -> tuple[str, str, tuple[int, ...]]:
    """Return kind, name and index of an address."""
    kind, _, rest = text.partition(":")
    name, _, index = rest.partition("[")
    return kind, name, tuple(int(i) for i in index.rstrip("]").split(",") if i)


def pointed(it: Tab, figure: str, count: int, pick: bool = False) -> list[tuple[str, str]]:
    """Point at places of a figure at random; return the address and number in the loupe."""
    rng = random.Random(figure)
    canvas = it.page.locator(f'[data-figure="{figure}"]').last
    canvas.scroll_into_view_if_needed()
    box = canvas.bounding_box()
    loupe = it.page.locator(".loupe")
    told: list[tuple[str, str]] = []
    for _ in range(40 * count):
        x, y = box["width"] * rng.random(), box["height"] * rng.random()
        it.page.mouse.move(0, 0)
        it.until("!s.hovered")
        it.page.mouse.move(box["x"] + x, box["y"] + y)
        it.page.evaluate("() => new Promise((done) => requestAnimationFrame(() => done()))")
        if not loupe.count():
            continue  # next to the cells, or the future
        told.append((loupe.locator("code").inner_text(), loupe.locator(".big").inner_text()))
        if pick:
            it.page.mouse.down()
            it.page.mouse.up()
        if len(told) == count:
            break
    return told


HOVERED = [
    "wte", "lm_head", "layer0.mlp_fc1", "embd", "layer0.attn.q", "layer0.attn.scores",
    "layer0.attn.weights", "layer0.mlp.relu", "layer0.mlp.resid", "logits", "probs",
]  # fmt: skip


@pytest.mark.parametrize("name", HOVERED)
def test_the_loupe_shows_the_engines_number(it: Tab, computed: Computed, name: str) -> None:
    told = pointed(it, f"value:{name}", 6)
    assert len(told) == 6
    for address, number in told:
        _, found, place = at(address)
        assert found == name
        assert number == shown(computed["value"][name][place]), address


@pytest.mark.parametrize("kind", ["m", "v"])
def test_the_loupe_shows_adams_moments(it: Tab, computed: Computed, kind: str) -> None:
    it.page.get_by_role("radio", name=f"{kind}, the mean").check()
    it.until(f"s.arrays.has('{kind}:wte')")
    for name in ("wte", "layer0.attn_wo", "layer0.mlp_fc2"):
        for address, number in pointed(it, f"{kind}:{name}", 3):
            assert number == shown(computed[kind][name][at(address)[2]]), address


@pytest.mark.parametrize("name", ["wte", "wpe", "layer0.attn_wq", "layer0.mlp_fc2", "lm_head"])
def test_the_inspector_shows_adams_whole_state_of_a_weight(
    it: Tab, computed: Computed, name: str
) -> None:
    it.page.get_by_role("radio", name="as above").check()
    it.page.locator('[data-figure="v:wte"]').wait_for(state="detached")
    ((address, _),) = pointed(it, f"value:{name}", 1, pick=True)
    place = at(address)[2]
    it.until(f"s.selected?.name === '{name}' && s.arrays.has('v:{name}')")
    assert it.shown("selected") == address.removeprefix("value:")
    assert it.shown("selected-value") == shown(computed["value"][name][place])
    for kind in ("grad", "delta", "m", "v"):
        a = computed[kind][name]
        value = a[place]
        sign = "+" if value > 0 else ""
        assert it.shown(f"selected-{kind}") == sign + shown(value, 6), kind


def test_probabilities_of_what_came_are_printed(it: Tab, computed: Computed, run: Session) -> None:
    tokens = run.tokens(run.document(STEP))
    told = it.page.locator(".loss:not(.none) > .soft").all_inner_texts()
    assert told == [
        f"p {probability(computed['value']['probs'][t, token])}"
        for t, token in enumerate(tokens[1:])
    ]


def probability(p: float) -> str:
    """Return a probability as the page prints it: two significant digits."""
    if p >= 0.0995:
        return f"{p:.2f}"
    mantissa, _, exponent = f"{p:.0e}".partition("e")
    return f"{p:.3f}" if p >= 0.001 else f"{mantissa}e{int(exponent)}"


def test_the_bars_are_as_tall_as_the_engines_probabilities(tab: Opener) -> None:
    documents = ["ab", "ba", "abba", "bab"] * 3  # three tokens make bars that are wide enough
    config = Config(n_embd=8, n_head=2, block_size=8, num_steps=50, seed=6)
    text = "\n".join(documents)
    link = write_link(Experiment(Recipe(config, "ab", fingerprint(documents)), documents=text))
    it = tab(f"{link}&step=12")
    it.stands_at(12)
    it.until("s.arrays.has('value:probs')")
    it.page.locator('[data-figure="value:probs"]').scroll_into_view_if_needed()
    it.page.wait_for_function(
        """() => document.querySelector('[data-figure="value:probs"]').getContext("2d")
          .getImageData(0, 0, 99, 99).data.some((level) => level)"""
    )
    session = Session(config, documents)
    session.run(12)
    tokens = session.tokens(session.document(12))
    probs = session.engine.forward(tokens)["probs"]
    heights = it.page.evaluate(
        """(size) => {
          const canvas = document.querySelector('[data-figure="value:probs"]');
          const ratio = canvas.width / canvas.clientWidth;
          const { data, width, height } =
            canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
          const letters = [...document.querySelectorAll(".letter")];
          const pitch = letters[1].getBoundingClientRect().x - letters[0].getBoundingClientRect().x;
          const bar = (pitch - 9) / size, found = [];
          for (let t = 0; t * pitch < canvas.clientWidth; t++) for (let id = 0; id < size; id++) {
            const x = Math.floor((t * pitch + (id + 0.45) * bar) * ratio);
            let tall = 0;
            for (let y = 0; y < height; y++) tall += data[4 * (y * width + x) + 3] > 64 ? 1 : 0;
            found.push(tall / ratio);
          }
          return found;
        }""",
        len(session.tokenizer.characters) + 1,
    )
    for i, p in enumerate(numbers(probs)):
        assert heights[i] == pytest.approx(p * 52, abs=1.2), (i, p)


def test_the_log_shows_every_step_document_loss_and_rate(
    it: Tab, records: list[StepRecord]
) -> None:
    it.until("s.documents.size")
    log = it.page.get_by_role("region", name="Log")
    seen: dict[int, list[str]] = {}
    for turn in ("older", "newer"):  # two pages of twelve rows
        for row in log.locator("[data-log]").all():
            seen[int(row.get_attribute("data-log"))] = row.locator("td").all_inner_texts()
        log.get_by_role("button", name=turn).click()
    assert sorted(seen) == list(range(1, STEP + 1))
    for record in records:
        assert seen[record.step] == [
            str(record.step), record.document, shown(record.loss), shown(record.learning_rate, 5),
        ]  # fmt: skip


def test_the_samples_carry_the_engines_probabilities(it: Tab, run: Session) -> None:
    import copy

    from glassgpt.training.samples import draw_samples

    rng = copy.deepcopy(run.rng)
    draws = draw_samples(run.engine, run.tokenizer, run.config, Sampling(), rng)
    titles = it.page.locator("[data-sample]").evaluate_all("all => all.map((one) => one.title)")
    for one, title in zip(draws, titles, strict=False):
        steps = list(one)
        chance = math.prod(draw.probs[draw.token] for draw in steps)
        assert title.startswith(f"drawn with probability {probability(chance)};"), text_of(
            steps, run.tokenizer
        )


def test_the_model_in_figures_is_the_model(it: Tab, run: Session) -> None:
    config, size = run.config, run.tokenizer.vocab_size
    parameters = sum(len(numbers(a)) for a in run.engine.state().params.values())
    documents = run.documents
    for name, text in {
        "documents": f"{len(documents)} of some names.txt",
        "vocabulary": f"{size - 1} + BOS = {size}",
        "parameters": f"{parameters:,}",
        "layers · channels · heads": "\u00a0·\u00a0".join(
            map(str, (config.n_layer, config.n_embd, config.n_head))
        ),
        "context": f"{config.block_size} positions",
        "seed": "3",
        "engine": f"{run.engine.name} ({'simd128' if SITE else run.engine.instruction_set})",
    }.items():
        assert it.shown(f"stat:{name}") == text
    told = it.page.get_by_role("region", name="The model").inner_text()
    assert f"{shown(math.log(size))} nats" in told


def test_the_built_in_names_are_what_the_numbers_of_the_first_page_say(tab: Opener) -> None:
    it = tab("seed=42&step=1")
    assert it.shown("stat:parameters") == "4,064" or it.state("hello.data_name") != "names"
    it.page.get_by_label("the built-in names").check()
    it.until("s.considered")
    assert it.state("considered.documents") == len(builtin_names())
    assert it.state("considered.parameters") == 4192


def test_the_baselines_are_glassgpts_own(it: Tab, run: Session) -> None:
    lists = [run.tokenizer.encode_document(text) for text in run.documents]
    measures = baselines(lists, run.tokenizer.vocab_size)
    for name in ("uniform", "unigram", "bigram", "trigram"):
        assert it.state(f"baselines.{name}") == pytest.approx(getattr(measures, name), rel=1e-12)
        assert it.shown(f"baseline:{name}") == f"{name} {shown(getattr(measures, name), 2)}"


def test_the_validation_loss_is_the_engines(it: Tab, run: Session) -> None:
    it.until(f"s.validation.some((one) => one.step === {STEP})")
    loss = validation_loss(run.engine, run.token_lists(validation_documents(run.documents)))
    (told,) = [one for one in it.state("validation") if one["step"] == STEP]
    assert told["loss"] == pytest.approx(loss, abs=1e-9)
    assert it.shown("validation") == shown(loss, 2)


@pytest.fixture(scope="module")
def formulas(tabs: Opener) -> list[str]:
    """Return the live numbers next to the formulas, in order."""
    reader = tabs(f"{SMALL}&step={STEP}&at=layer0.mlp_fc1[9,4]")
    reader.stands_at(STEP)
    reader.until("s.explained")  # which makes the page longer
    reader.page.get_by_role("heading", name="4 Adam").scroll_into_view_if_needed()
    reader.until("s.arrays.has('grad:logits') && s.arrays.has('m:layer0.mlp_fc1') && s.samples")
    reader.page.wait_for_function("() => document.querySelector('.formula .live').innerText")
    found: list[str] = reader.page.locator(".formula .live").all_inner_texts()
    return [" ".join(text.split()) for text in found]


def test_the_formulas_are_shown_with_the_engines_numbers(
    formulas: list[str], computed: Computed, run: Session
) -> None:
    value, grad = computed["value"], computed["grad"]
    document = run.document(STEP)
    tokens = run.tokens(document)
    characters = [*run.tokenizer.characters, "BOS"]
    t = min(len(tokens) - 2, 2)
    letter, after, target = characters[tokens[t]], characters[tokens[t + 1]], tokens[t + 1]
    w = (9, 4)
    delta = computed["delta"]["layer0.mlp_fc1"][w]
    rate = run.config.learning_rate * (1 - STEP / run.config.num_steps)
    first = next(iter(run.sample(Sampling(num_samples=1))))
    scores = " ".join(shown(value["layer0.attn.scores"][0, t, s], 3) for s in range(t + 1))
    shares = " ".join(shown(value["layer0.attn.weights"][0, t, s], 3) for s in range(t + 1))
    stream = [value[f"layer0.{n}"][t, 0] for n in ("attn.resid", "mlp.fc2", "mlp.resid")]
    embedding = [value[n][t, 0] for n in ("tok", "pos", "embd")]
    assert formulas[:-1] == [
        f"“{document}” ↦ {' '.join(map(str, tokens))}",
        f"∂L/∂ the loss itself = 1; at “{letter}”, ∂L/∂ logit of “{after}” = "
        f"{shown(grad['logits'][t, target], 5)}",
        f"channel 0 of “{letter}”: {shown(embedding[0])} + {shown(embedding[1])} = "
        f"{shown(embedding[2])}",
        f"1/size of that position: {shown(value['norm.scale'][t])}, so channel 0 becomes "
        f"{shown(value['norm'][t, 0])}",
        f"head 0, “{letter}” looking at {t + 1} positions: {scores}",
        f"as shares of 1: {shares}",
        f"channel 0 of head 0: {shown(value['layer0.attn.heads'][t, 0])}",
        f"channel 0 of the stream: {shown(stream[0])} + {shown(stream[1])} = {shown(stream[2])}",
        f"“{after}” had probability {probability(value['probs'][t, target])}: surprise "
        f"{shown(value['losses'][t])}; mean {shown(value['loss'][()])} nats",
        f"gradient {shown(grad['layer0.mlp_fc1'][w], 6)}, m so far "
        f"{shown(computed['m']['layer0.mlp_fc1'][w], 6)}",
        f"v so far {shown(computed['v']['layer0.mlp_fc1'][w], 8)}",
        f"η = 0.01; after {STEP} of 120 steps {float(f'{rate:.4g}')}",
        f"w = {shown(value['layer0.mlp_fc1'][w], 6)}; its last update: {shown(delta, 6)}",
    ]
    assert formulas[-1].startswith(f"τ = 0.50; “{first}” came with probability ")
