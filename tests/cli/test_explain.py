"""`glassgpt explain`: any number of a saved model, in the terminal."""

from __future__ import annotations

import re
import sys
from pathlib import Path

import pytest

from glassgpt import Config, Session, builtin_names, load_checkpoint, save_checkpoint
from glassgpt.analysis.explain import explain, pass_through
from glassgpt.cli.main import run
from glassgpt.data.documents import BUILTIN
from glassgpt.engines import create
from glassgpt.model.parameters import Block
from glassgpt.training.interventions import Ablate, Change, Edit, Tune


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = tmp_path_factory.mktemp("kept") / "run"
    session = Session(Config(num_steps=20), builtin_names(), engine="fast", data_name=BUILTIN)
    session.run(5)
    save_checkpoint(session.snapshot(), directory)
    return directory


@pytest.fixture
def said(kept: Path, capsys: pytest.CaptureFixture[str]):
    def say(*arguments: str, check: int = 0) -> str:
        assert run(["explain", str(kept), *arguments]) == check
        out, err = capsys.readouterr()
        return err if check else out

    return say


def test_it_prints_the_numbers_of_the_explanation(said, kept: Path) -> None:
    at = load_checkpoint(kept)
    engine = create("fast", at.config, at.tokenizer.vocab_size)
    tokens = at.tokenizer.encode_document("emma")
    p = pass_through(engine, at.config, at.tokenizer, at.step, at.state, tokens)
    told, out = explain(p, "layer0.attn.q[3,7]"), said("layer0.attn.q[3,7]", "--doc", "emma")
    assert out.startswith(f"value:layer0.attn.q[3,7] = {told.value.number!r}\n")
    assert told.words in out
    assert f"gradient {told.gradient.number!r}: {told.gradient.formula}" in out
    assert f"= {told.value.numbers}" in out
    for line in (*told.value.lines, *told.gradient.lines):
        assert f"{line.file}:{line.number}  {line.source}" in out
    shown = re.findall(r"= (.+?)  +channel \d+ +layer0.attn.norm\[3,\d+\] · layer0.attn_wq", out)
    assert shown == [term.numbers for term in told.value.terms[:5]]
    assert "and 11 more, which add up to" in out


def test_all_shows_every_term_and_terms_limits_them(said) -> None:
    assert said("layer0.attn.q[3,7]", "--doc", "emma", "--all").count("layer0.attn_wq[7,") == 16
    out = said("layer0.attn.q[3,7]", "--doc", "emma", "--terms", "2")
    assert out.count("layer0.attn_wq[7,") == 2


def test_without_an_address_it_is_the_loss_of_the_next_document(said, kept: Path) -> None:
    session = Session.resumed(load_checkpoint(kept), builtin_names())
    loss = session.engine.forward(session.tokens(session.document(5)))["loss"][()]
    out = said()
    assert out.startswith(f"value:loss = {loss!r}\n")
    assert f"document {session.document(5)!r}, after 5 updates" in out


def test_grad_puts_the_gradient_first_and_depth_follows_it(said) -> None:
    out = said("embd[2,5]", "--doc", "emma", "--grad", "--depth", "2")
    assert out.startswith("grad:embd[2,5] = ")
    assert out.index("gradient ") < out.index("made of:")
    assert re.search(r"^ {6}grad:norm\.scale\[2\] = ", out, re.M)
    assert out == said("grad:embd[2,5]", "--doc", "emma", "--depth", "2")


def test_depth_follows_the_numbers_that_a_value_is_computed_from(said) -> None:
    out = said("logits[1,0]", "--doc", "emma", "--depth", "3", "--terms", "1")
    assert re.search(r"^ {6}layer0\.mlp\.resid\[1,\d+\] = ", out, re.M)
    assert re.search(r"^ {10}layer0\.(mlp\.fc2|attn\.resid)\[1,\d+\] = ", out, re.M)


def test_a_weight_comes_with_its_next_update_and_its_check(said) -> None:
    out = said("wte[4,3]", "--doc", "emma")
    assert "update 6 makes it " in out
    rows = [row.split()[0] for row in re.findall(r"^ {4}(\S+ = .*scalar\.py:\d+)$", out, re.M)]
    assert rows == ["m", "v", "m̂", "v̂", "Δ", "w"]
    assert re.search(r"the gradient is .*: \S+ apart, where \S+ is allowed", out)


def test_graph_shows_the_node_and_the_strongest_path_to_it(said) -> None:
    out = said("wte[4,3]", "--doc", "emma", "--graph")
    assert "43,091 nodes" in out
    assert re.search(r"tok\[1,3\] = wte\[4,3\]  data \S+  grad \S+", out)
    way = out[out.index("the strongest of") :]
    assert re.search(r"#0  ×  loss .*\n(.*\n)+ *#\S+  tok\[1,3\] = wte\[4,3\]", way)
    unused = said("wpe[12,0]", "--doc", "emma", "--graph")
    assert "the loss of this document does not depend on value:wpe[12,0]" in unused


def test_step_opens_the_run_as_it_was(said) -> None:
    session = Session(Config(num_steps=20), builtin_names(), engine="fast")
    session.run(3)
    weight = session.engine.state().params["wte"][4, 3]
    out = said("wte[4,3]", "--step", "3")
    assert out.startswith(f"value:wte[4,3] = {weight!r}\n")
    session.run(1)
    after = session.engine.state().params["wte"][4, 3]
    (made,) = re.findall(r"^  update 4 makes it (\S+)$", out, re.M)
    assert after == pytest.approx(float(made), rel=1e-12)
    assert f"document {session.document(3)!r}, after 3 updates" in out


CHANGES = (Tune((("learning_rate", 0.02),)), Edit("wte", 0, 0, 1.0), Ablate("head", hold=True))


@pytest.mark.parametrize("change", CHANGES)
@pytest.mark.parametrize("step", [3, 7])
def test_an_earlier_step_of_a_changed_run_is_explained(
    change: Change, step: int, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    session = Session(Config(num_steps=20), builtin_names(), engine="fast", data_name=BUILTIN)
    losses = [session.run(1).losses[0] for _ in range(5)]
    session.apply(change)
    losses += [session.run(1).losses[0] for _ in range(5)]
    save_checkpoint(session.snapshot(), tmp_path / "run")
    assert run(["explain", str(tmp_path / "run"), "--step", str(step)]) == 0
    told = float(capsys.readouterr().out.split("=")[1].split()[0])
    assert told == pytest.approx(losses[step], rel=1e-12)


def test_a_run_with_foreign_weights_is_not_explained_at_an_earlier_step(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    session = Session(Config(num_steps=20), builtin_names(), engine="fast", data_name=BUILTIN)
    session.run(5)
    session.engine.fill(Block("wte", 0, 1, 0, 1), 1.0)  # past `apply`, so that nothing records it
    save_checkpoint(session.snapshot(), tmp_path / "run")
    assert run(["explain", str(tmp_path / "run"), "--step", "3"]) == 1
    assert "does not give the weights in the file" in capsys.readouterr().err


# fmt: off
REFUSED = [
    (("layer0.atn.q[3,7]",),    "the model has no 'layer0.atn.q'",      "nearest: layer0.attn.q"),
    (("layer0.attn.q[9,7]",),   "has positions 0 to 4",                 "layer0.attn.q[4,15]"),
    (("loss", "--doc", "Emma"), "the character 'E'",                    "vocabulary is: abc"),
    (("--step", "6"),           "but the run has taken 5 steps", "give --step 5 or less"),
    (("--doc", "m" * 17),       "17 characters, but the model sees 16", f"--doc {'m' * 16}"),
]
# fmt: on


@pytest.mark.parametrize(("arguments", "what", "hint"), REFUSED)
def test_a_mistake_is_a_sentence_with_a_hint(said, arguments, what: str, hint: str) -> None:
    err = said(*("--doc", "emma", *arguments), check=1)
    assert what in err.splitlines()[0]
    assert hint in err.splitlines()[1]


def test_without_the_data_a_document_has_to_be_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    session = Session(Config(block_size=4), ["rose", "rosa"], data_name="poems.txt")
    save_checkpoint(session.snapshot(), tmp_path / "run")
    assert run(["explain", str(tmp_path / "run"), "--doc", "sore"]) == 0
    assert run(["explain", str(tmp_path / "run")]) == 1
    assert "hint: name a document, --doc, or that file, --data" in capsys.readouterr().err


def test_on_a_terminal_it_is_a_drawn_tree(said, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    out = re.sub(r"\x1b\[[\d;]*m", "", said("embd[2,5]", "--doc", "emma"))
    assert re.search(r"^├── made of: embd\[t,c\] = tok\[t,c\] \+ pos\[t,c\]", out, re.M)


def test_the_shell_completes_addresses(
    kept: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("_GLASSGPT_COMPLETE", "bash_complete")
    monkeypatch.setenv("COMP_WORDS", f"glassgpt explain {kept} grad:layer0.attn.n")
    monkeypatch.setenv("COMP_CWORD", "3")
    assert run([]) == 0
    found = capsys.readouterr().out.split()
    assert found == ["plain,grad:layer0.attn.norm.scale[", "plain,grad:layer0.attn.norm["]
