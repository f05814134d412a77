"""A run is its recipe: its checkpoint, its link and its script lead to the same bits."""

from __future__ import annotations

from contextlib import redirect_stdout
from io import StringIO
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from glassgpt import Config, Session, load_checkpoint, read_documents, save_checkpoint
from glassgpt.analysis.run import Run
from glassgpt.analysis.verify import Verification
from glassgpt.arrays import numbers
from glassgpt.cli.main import run as glassgpt
from glassgpt.data.documents import builtin_names
from glassgpt.data.segmentation import WAYS
from glassgpt.errors import CheckpointError, DataError
from glassgpt.live.exports import file
from glassgpt.live.jobs.evaluation import drawn
from glassgpt.live.new_run import Source, Text
from glassgpt.live.opening import open_link
from glassgpt.live.presenters.run import link
from glassgpt.live.workspace import Workspace
from glassgpt.training.history import History
from glassgpt.training.interventions import Ablate, Change, Edit, Tune
from glassgpt.training.link import read_link
from glassgpt.training.recipe_text import read
from glassgpt.training.snapshot import from_bytes, to_bytes

SMALL = Config(n_embd=8, n_head=2, block_size=8, num_steps=60)
CHANGES: tuple[Change, ...] = (
    Tune((("learning_rate", 0.02),)),
    Tune((("num_steps", 80), ("beta1", 0.5))),
    Edit("wte", 3, 1, 0.5),
    Ablate("head", 0, 1, hold=True),
)


def tuned(*changes: Change) -> Session:
    """Return a run to step 40 that was changed at step 20."""
    session = Session(SMALL, builtin_names(), data_name="built-in names")
    session.run(20)
    for change in changes:
        session.apply(change)
    session.run(20)
    return session


def weights(session: Session) -> list[float]:
    return [x for a in session.engine.state().params.values() for x in numbers(a)]


@pytest.mark.parametrize("change", CHANGES)
def test_the_link_of_an_opened_checkpoint_leads_to_the_same_bits(change: Change) -> None:
    session = tuned(change)
    kept = from_bytes(to_bytes(session.snapshot()))
    resumed = Workspace(Source.builtin(), kept.config, snapshot=kept)
    recipe = read_link(link(resumed)).recipe
    again = Workspace(Source.builtin(), recipe.config, interventions=recipe.interventions)
    again.history.advance(40)
    assert weights(again.session) == weights(session)


def test_a_checkpoint_is_resumed_with_its_base_settings() -> None:
    session = tuned(*CHANGES)
    resumed = Session.resumed(from_bytes(to_bytes(session.snapshot())), builtin_names())
    assert (resumed.recipe.config, resumed.config) == (SMALL, session.config)
    assert History(resumed).recipe.config == SMALL


def test_a_checkpoint_whose_changes_do_not_lead_to_its_settings_is_refused() -> None:
    octets = to_bytes(tuned(CHANGES[0]).snapshot())
    forged = octets.replace(b"learning_rate=0.02", b"learning_rate=0.03")
    assert len(forged) == len(octets)
    assert forged != octets
    with pytest.raises(CheckpointError):
        from_bytes(forged)


def test_settings_given_to_resume_are_recorded_as_a_change(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = str(tmp_path / "run")
    assert glassgpt(["train", "--steps", "10", "--out", out, "-q"]) == 0
    more = ["--steps", "20", "--learning-rate", "0.02"]
    assert glassgpt(["train", "--resume", out, "-q", *more]) == 0
    kept = load_checkpoint(out)
    change = Tune((("num_steps", 20), ("learning_rate", 0.02)))
    assert [(done.step, done.change) for done in kept.recipe.interventions] == [(10, change)]
    assert kept.recipe.config == Config(num_steps=10)
    assert glassgpt(["train", "--resume", out, "-q"]) == 0  # no change, no record of one
    assert load_checkpoint(out).recipe.interventions == kept.recipe.interventions
    assert glassgpt(["verify", out]) == 0, capsys.readouterr()


def test_verification_follows_the_changes_of_a_run() -> None:
    session = tuned(*CHANGES)
    run = Verification(session.recipe, builtin_names(), "fast", 40)
    run.advance(40)
    run.compare_kept(session.engine.state(), "this run")
    assert run.holds


@st.composite
def changed(draw: st.DrawFn) -> Session:
    """Return a run with changes at any of its steps."""
    session = Session(SMALL, session_documents(), data_name="some names")
    for change in draw(st.permutations(CHANGES)):
        if draw(st.booleans()):
            session.run(draw(st.integers(0, 15)))
            session.apply(change)
    session.run(draw(st.integers(0, 10)))
    return session


def session_documents() -> list[str]:
    return builtin_names()[:50]


@settings(max_examples=15)
@given(session=changed(), more=st.integers(0, 5), back=st.integers(0, 30))
def test_page_link_checkpoint_script_and_fork_end_with_the_same_bits(
    session: Session, more: int, back: int
) -> None:
    wanted, step = weights(session), session.step
    source = Source("some names", tuple(session_documents()))
    opened = open_link(link(Workspace(source, SMALL, snapshot=session.snapshot())), source)
    page = opened.workspace
    page.history.advance(step)
    assert weights(page.session) == wanted
    page.history.approach(min(back, step))  # the page seeks back and forth again
    page.history.advance(step - page.session.step)
    assert weights(page.session) == wanted
    resumed = Session.resumed(from_bytes(file(page, "checkpoint")[2]), session_documents())
    run = Run(History(Session.resumed(session.snapshot(), session_documents())), source.documents)
    found: dict[str, Any] = {}
    with redirect_stdout(StringIO()):
        exec(compile(file(page, "script")[2], "script", "exec"), found)
    ends = [session, resumed, page.session, found["session"]]
    for one in ends:
        one.run(min(more, session.steps_left))
    forked = run.fork().train(session.step - step)
    assert all(weights(one) == weights(session) for one in ends)
    assert [x for a in forked.model.parameters.values() for x in numbers(a.values)] == weights(
        session
    )


@settings(max_examples=15, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(session=changed())
def test_the_link_that_inspect_prints_gives_the_same_checkpoint(
    session: Session, capsys: pytest.CaptureFixture[str]
) -> None:
    with TemporaryDirectory() as directory:
        one, other = Path(directory) / "one", Path(directory) / "other"
        names = Path(directory) / "some names"
        names.write_text("\n".join(builtin_names()[:50]))
        save_checkpoint(session.snapshot(), one)
        capsys.readouterr()
        for data in ([], ["--data", str(names)]):
            assert glassgpt(["inspect", str(one), *data]) == 0
            link = capsys.readouterr().out.partition("\nlink ")[2].split()[0]
            assert link.startswith("#")
            brought = [] if data else [str(names)]  # with the text, the link has it
            command = ["train", *brought, "--link", f"http://127.0.0.1:8000/{link}"]
            assert glassgpt([*command, "--out", str(other), "--overwrite", "-q"]) == 0
            assert load(other) == load(one)
        capsys.readouterr()
        again = Session(SMALL, session_documents(), data_name="some names")
        for step in range(session.step + 1):
            where = ["wte[0,1]", "--doc", "a", "--data", str(names)]
            assert glassgpt(["explain", str(one), *where, "--step", str(step)]) == 0
            again.replay(step - again.step, session.recipe)
            number = again.engine.weight("wte", (0, 1))
            assert f"value:wte[0,1] = {number!r}\n" in capsys.readouterr().out


def load(directory: Path) -> bytes:
    return (directory / "checkpoint.safetensors").read_bytes()


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["--link", "seed=1", "--n-embd", "32"], "so --n-embd cannot be given"),
        (["--link", "seed=1", "--resume", "x"], "leave one of them out"),
        (["--link", "seed=x"], "the link has seed='x'"),
        (["--link", "seed=1&step=2000"], "its run ends at step 1,000"),
        (["--link", "seed=1&data=a.txt"], "whose text is not here"),
        (["--link", "data=a.txt&text=eJxLTMzLBAAEcAG7"], "damaged"),
        (["--link", "do=9:head7.7"], "there is no layer 7"),
        (["--link", "n_embd=8&block_size=2", "--prefix", "abc"], "the prefix"),
    ],
)
def test_a_link_that_names_no_run_is_refused(
    arguments: list[str], sentence: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert glassgpt(["train", *arguments]) in (1, 2)
    assert sentence in capsys.readouterr().err


def written(workspace: Workspace) -> list[str]:
    branch, probe = workspace.branches.current, workspace.tools.probe
    return [one.text for one in drawn(workspace, branch, probe) if one]


def test_the_sampling_of_a_link_applies_unless_options_override_it(
    capsys: pytest.CaptureFixture[str],
) -> None:
    link = "n_embd=4&n_head=2&num_steps=9&temperature=0.9&num_samples=4&prefix=ma&draw=5&step=6"
    assert glassgpt(["train", "--link", link, "-q", "-n", "3"]) == 0
    workspace = open_link(link, Source.builtin()).workspace
    workspace.history.advance(6)
    texts = written(workspace)
    assert capsys.readouterr().out.split() == texts[:3]


# -- what is saved from the page

PROSE = (
    "It was a bright cold day. “The clocks!” he said.\n\nNobody heard; the wind blew.\n"
    "Then all was still.  A door fell shut.\n\nWas it the last one? It was.\n"
)
SOURCES = {
    "built-in": Source.builtin(),
    "pasted": Text.of("your text", b"anna\nbob\ncleo\n").source(""),
    "a file named as the built-in names": Text.of("built-in names", b"anna\nbob\n").source(""),
    "a name with a path and quotes": Source("../my 'texts'/a \"b\".txt", ("anna", "bob")),
    "odd characters": Source("odd", ("\ufeffa\x0bb", "c\u2028d", "e\x85f", "\\n", '"""')),
    "large": Source(
        "large",
        tuple(f"{name}, number {i} of these" for i, name in enumerate(builtin_names()[:3000])),
    ),
    **{way: Text.of("prose.txt", PROSE.encode()).source(way) for way in WAYS},
}


def saved(workspace: Workspace, what: str, directory: Path) -> Path:
    name, _, octets = file(workspace, what)
    path = directory / name
    path.write_bytes(octets)
    return path


def execute(script: Path) -> None:
    code = compile(script.read_bytes(), str(script), "exec")
    exec(code, {"__name__": "__main__", "__file__": str(script)})


@pytest.mark.parametrize("name", SOURCES)
def test_a_saved_script_gives_the_same_run(
    name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    workspace = Workspace(
        SOURCES[name], SMALL, interventions=read("3:learning_rate=0.02;6:wte[0,0]=0.5")
    )
    workspace.history.advance(12)
    workspace.sample_seed = 7
    script, documents = (
        saved(workspace, "script", tmp_path),
        saved(workspace, "documents", tmp_path),
    )
    if name != "large":
        documents.unlink()  # the script holds them
    execute(script)
    lines = [
        f"step {i + 1} loss {loss:.4f} {workspace.session.document(i)}"
        for i, loss in enumerate(workspace.history.losses)
    ]
    texts = written(workspace)
    assert capsys.readouterr().out.split("\n") == [*lines, *texts, ""]


def test_a_saved_script_refuses_other_documents(tmp_path: Path) -> None:
    workspace = Workspace(SOURCES["large"], SMALL)
    script, documents = (
        saved(workspace, "script", tmp_path),
        saved(workspace, "documents", tmp_path),
    )
    documents.write_text("anna\nbob\n")
    with pytest.raises(SystemExit, match=r"not the documents of this run .*Save → Documents"):
        execute(script)
    documents.unlink()
    with pytest.raises(DataError, match="there is no file"):
        execute(script)


@pytest.mark.parametrize("name", SOURCES)
def test_saved_documents_are_read_again_as_they_were(name: str, tmp_path: Path) -> None:
    workspace = Workspace(SOURCES[name], SMALL)
    path = saved(workspace, "documents", tmp_path)
    assert tuple(read_documents(path)) == workspace.tools.source.documents


@pytest.mark.parametrize("way", WAYS)
def test_a_saved_checkpoint_contains_how_its_documents_were_cut(way: str) -> None:
    source = SOURCES[way]
    workspace = Workspace(source, SMALL)
    kept = from_bytes(file(workspace, "checkpoint")[2])
    assert (kept.recipe.cut, kept.recipe.data_name) == (way, "prose.txt")
    resumed = Session.resumed(kept, source.documents)
    assert resumed.recipe.cut == way


def test_a_saved_file_is_named_by_its_run(tmp_path: Path) -> None:
    workspace = Workspace(Source.builtin(), SMALL)
    workspace.history.advance(10)
    names = {
        what: saved(workspace, what, tmp_path).name for what in ("checkpoint", "weights", "script")
    }
    assert names == {
        "checkpoint": "glassgpt-seed42-step10.safetensors",
        "weights": "glassgpt-seed42-step10-weights.safetensors",
        "script": "glassgpt-seed42-step10.py",
    }
