from __future__ import annotations

import dataclasses
import hashlib
import json
import math
import pickle
import random
import struct
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import safetensors.numpy
from hypothesis import given
from hypothesis import strategies as st
from safetensors import safe_open

from glassgpt import Config, Session, load_checkpoint, save_checkpoint
from glassgpt.errors import CheckpointError
from glassgpt.model.tokenizer import Tokenizer
from glassgpt.training.checkpoint import load_checkpoint_bytes, write_atomically
from glassgpt.training.snapshot import Snapshot, from_bytes, to_bytes
from tests.support import models
from tests.support.command import glassgpt


def trained(steps: int = 3) -> Session:
    session = Session(Config(n_embd=4, n_head=2, num_steps=9), ["abc", "cab", "漢"])
    session.run(steps)
    return session


@given(config=models.configs(), documents=models.documents, steps=st.integers(0, 3))
def test_bytes_hold_the_whole_snapshot(config: Config, documents: list[str], steps: int) -> None:
    session = Session(config, documents, data_name="data")
    session.run(steps)
    snapshot = session.snapshot()
    again = from_bytes(to_bytes(snapshot))
    assert to_bytes(again) == to_bytes(snapshot)
    for field in ("recipe", "tokenizer", "step", "random_state"):
        assert getattr(again, field) == getattr(snapshot, field)
    for (_, ours), (_, theirs) in zip(again.state.groups(), snapshot.state.groups(), strict=True):
        assert {n: a.tobytes() for n, a in ours.items()} == {
            n: a.tobytes() for n, a in theirs.items()
        }


def test_the_official_library_reads_a_checkpoint(tmp_path: Path) -> None:
    snapshot = trained().snapshot()
    path = save_checkpoint(snapshot, tmp_path)
    tensors = safetensors.numpy.load_file(path)
    for prefix, group in snapshot.state.groups():
        for name, a in group.items():
            assert tensors[prefix + name].dtype == np.float64
            assert np.array_equal(tensors[prefix + name], np.asarray(a))
    with safe_open(path, "numpy") as file:
        facts = file.metadata()
    assert json.loads(facts["step"]) == 3
    assert json.loads(facts["vocabulary"]) == "abc漢"
    assert json.loads(facts["engine"])["name"] == snapshot.engine


def test_a_snapshot_does_not_change_with_the_run() -> None:
    session = trained()
    snapshot = session.snapshot()
    before = to_bytes(snapshot)
    session.run()
    list(session.sample())
    assert to_bytes(snapshot) == before
    with pytest.raises(TypeError, match="read-only"):
        snapshot.state.params["wte"][0, 0] = 1.0


@pytest.fixture(scope="module")
def octets() -> bytes:
    return to_bytes(trained().snapshot())


@given(data=st.data())
def test_damage_is_never_accepted(octets: bytes, data: st.DataObject) -> None:
    damaged = data.draw(models.damaged(octets))
    try:
        from_bytes(damaged)
    except CheckpointError:
        return
    assert damaged == octets


@given(st.binary(max_size=200))
def test_foreign_bytes_are_refused(octets: bytes) -> None:
    with pytest.raises(CheckpointError):
        from_bytes(octets)


@given(
    st.recursive(
        st.none() | st.integers() | st.text(), lambda c: st.lists(c) | st.dictionaries(st.text(), c)
    )
)
def test_foreign_headers_are_refused(header: object) -> None:
    for head in (header, {"__metadata__": header}):
        encoded = json.dumps(head).encode()
        with pytest.raises(CheckpointError):
            from_bytes(struct.pack("<Q", len(encoded)) + encoded)


def rewritten(octets: bytes, body: bytes | None = None, **facts: object) -> bytes:
    """Return the file with other facts or numbers and a matching checksum, as in a forgery."""
    (length,) = struct.unpack_from("<Q", octets)
    head = json.loads(octets[8 : 8 + length])
    head["__metadata__"] |= {key: json.dumps(value) for key, value in facts.items()}
    return summed(head, octets[8 + length :] if body is None else body)


def summed(head: dict[str, Any], body: bytes) -> bytes:
    head["__metadata__"]["sha256"] = json.dumps("0" * 64)
    blank = json.dumps(head).encode()
    blank += b" " * (-len(blank) % 8)
    blank = struct.pack("<Q", len(blank)) + blank
    checksum = hashlib.sha256(blank + body).hexdigest().encode()
    return blank.replace(b"0" * 64, checksum, 1) + body


def test_a_forged_file_is_refused_for_its_content_not_its_checksum(octets: bytes) -> None:
    assert rewritten(octets) == octets


CONFIG = {**dataclasses.asdict(Config(n_embd=4, n_head=2, num_steps=9))}
WORDS: list[int] = list(random.Random(1).getstate()[1])


@pytest.mark.parametrize(
    ("facts", "sentence"),
    [
        ({"format": "other-9"}, "not a GlassGPT checkpoint of the format"),
        ({"step": -1}, "its step is -1, not 0 to 9"),
        ({"step": 10}, "its step is 10, not 0 to 9"),
        ({"step": True}, "its step is True, not 0 to 9"),
        ({"step": 3.0}, "its step is 3.0, not 0 to 9"),
        ({"step": "3"}, "its step is '3', not 0 to 9"),
        ({"step": 0}, r"adam\.m\.wte is not zero before the first step"),
        ({"config": {"n_embd": 4}}, "its settings are not n_layer, n_embd"),
        ({"config": {**CONFIG, "n_wings": 5}}, "its settings are not n_layer, n_embd"),
        ({"config": {**CONFIG, "n_embd": 5}}, "n_embd is 5, but must be a multiple of n_head"),
        ({"config": {**CONFIG, "n_layer": 2}}, "header is not as GlassGPT writes it"),
        ({"config": {**CONFIG, "init_std": 99.0}}, "init_std is 99.0, but must be between 0 and"),
        ({"config": {**CONFIG, "init_std": 1}}, "setting init_std is 1"),
        ({"config": {**CONFIG, "learning_rate": math.nan}}, "learning_rate is nan, but must be"),
        ({"config": {**CONFIG, "seed": True}}, "setting seed is True"),
        ({"config": None}, "its settings are not"),
        ({"vocabulary": "abcd漢"}, r"wte is F64 \[5, 4\], not F64 \[6, 4\]"),
        ({"vocabulary": "aabc"}, "distinct characters in order"),
        ({"vocabulary": "bac漢"}, "distinct characters in order"),
        ({"vocabulary": ["a", "b", "c", "漢"]}, "distinct characters in order"),
        ({"vocabulary": ""}, "vocabulary"),
        ({"vocabulary": "abc\ud800"}, "half of a surrogate pair"),
        ({"random_state": [3, [1, 2], None]}, "random state"),
        ({"random_state": [3, [-1, *WORDS[1:]], None]}, "random state"),
        ({"random_state": [3, [2**32, *WORDS[1:]], None]}, "random state"),
        ({"random_state": [3, [1.5, *WORDS[1:]], None]}, "random state"),
        ({"random_state": [3, [*WORDS[:-1], 625], None]}, "random state"),
        ({"random_state": [3, [0] * 625, None]}, "random state"),
        ({"random_state": [2, WORDS, None]}, "random state"),
        ({"random_state": [3, WORDS, math.inf]}, "random state"),
        ({"random_state": [3, WORDS, 9.5]}, "random state"),
        ({"random_state": [3, WORDS, "0"]}, "random state"),
        ({"random_state": None}, "random state"),
        ({"data": {"name": "", "sha256": "0" * 64}}, "the name of its data is ''"),
        ({"data": {"name": 5, "sha256": "0" * 64}}, "the name of its data is 5"),
        ({"data": {"name": "x", "sha256": "0" * 63}}, "not a SHA-256"),
        ({"data": {"name": "x", "sha256": "G" * 64}}, "not a SHA-256"),
        ({"data": {"name": "x"}}, "header is not as GlassGPT writes it"),
        ({"engine": {"name": "slow", "instruction_set": "python"}}, "'slow' .* not an engine"),
        ({"engine": {"name": "fast", "instruction_set": "mmx"}}, "'mmx'.* not an engine"),
        ({"engine": {"name": "scalar", "instruction_set": "avx2"}}, "'avx2'.* not an engine"),
        ({"engine": {"name": ["fast"], "instruction_set": "avx2"}}, "not an engine"),
        ({"engine": {}}, "header is not as GlassGPT writes it"),
        ({"interventions": "1:wte[9,0]=1.0"}, r"no wte\[9,0\]"),
        ({"interventions": "1:head0.7"}, "no head 7"),
        ({"interventions": "1:~head0.0"}, "not held at zero"),
        ({"interventions": "2:head0.0;1:head0.1"}, "cannot follow"),
        ({"interventions": "1:learning_rate=99.0"}, "learning_rate is 99.0"),
        ({"interventions": "5:wte[0,0]=1.0"}, "before its change at step 5"),
        ({"interventions": "1:head0.0!"}, r"attn_wo is not what its changes set it to"),
        ({"interventions": "3:wte[0,0]=1.0"}, "wte is not what its changes set it to"),
        ({"interventions": "1:learning_rate=0.5"}, "do not lead to its current settings"),
        ({"base": {**CONFIG, "learning_rate": 0.5}}, "do not lead to its current settings"),
        ({"base": {}}, "its settings are not"),
        ({"data": {"name": "x", "sha256": "0" * 64, "cut": "halves"}}, "cut into 'halves'"),
        ({"interventions": "nonsense"}, "not a change to a run"),
        ({"interventions": 5}, "header is not as GlassGPT writes it"),
        ({"more": 5}, "header is not as GlassGPT writes it"),
    ],
)
def test_facts_that_do_not_fit_are_named(octets: bytes, facts: dict, sentence: str) -> None:
    with pytest.raises(CheckpointError, match=sentence) as caught:
        from_bytes(rewritten(octets, **facts), "run/checkpoint.safetensors")
    assert caught.value.what.startswith("run/checkpoint.safetensors is ")
    assert caught.value.hint


NAMES = ("wte", "adam.m.layer0.attn_wq", "adam.v.lm_head")


@pytest.mark.parametrize(
    ("name", "number", "sentence"),
    [
        *((name, number, "not finite") for name in NAMES for number in (math.nan, -math.inf)),
        ("wte", 1e200, "wte holds a weight beyond"),
        ("lm_head", -1e101, "lm_head holds a weight beyond"),
        ("adam.v.lm_head", -1e-300, r"adam\.v\.lm_head, a mean of squares, is negative"),
    ],
)
def test_numbers_that_no_run_has_are_named(
    octets: bytes, name: str, number: float, sentence: str
) -> None:
    (length,) = struct.unpack_from("<Q", octets)
    begin, _ = json.loads(octets[8 : 8 + length])[name]["data_offsets"]
    body = bytearray(octets[8 + length :])
    struct.pack_into("<d", body, begin + 8, number)
    with pytest.raises(CheckpointError, match=sentence):
        from_bytes(rewritten(octets, bytes(body)))


def changed_entry(octets: bytes, change: Callable[[dict[str, Any]], object]) -> bytes:
    (length,) = struct.unpack_from("<Q", octets)
    head = json.loads(octets[8 : 8 + length])
    change(head)
    return summed(head, octets[8 + length :])


@pytest.mark.parametrize(
    "change",
    [
        lambda head: head.pop("wte"),
        lambda head: head.update(more=head["wte"]),
        lambda head: head.update(wte=head["lm_head"]),
        lambda head: head["wte"].update(dtype="F32"),
        lambda head: head["wte"].update(dtype="I64"),
        lambda head: head["wte"].update(shape=[4, 5]),
        lambda head: head["wte"].update(shape=[20]),
        lambda head: head["wte"].update(data_offsets=head["lm_head"]["data_offsets"]),
        lambda head: head["wte"].update(data_offsets=[0, 8]),
        lambda head: head["wte"].update(data_offsets="all"),
        lambda head: head.update(
            {"wte": head["adam.m.wte"], "adam.m.wte": head["wte"]}
        ),
        lambda head: head.update(
            {"layer0.attn_wq": head["layer0.attn_wk"], "layer0.attn_wk": head["layer0.attn_wq"]}
        ),
    ],
)  # fmt: skip
def test_tensors_out_of_their_place_are_refused(octets: bytes, change: Any) -> None:
    with pytest.raises(CheckpointError, match="is damaged: "):
        from_bytes(changed_entry(octets, change))


@pytest.mark.parametrize(
    ("octets_of", "sentence"),
    [
        (lambda whole: b"", "run.safetensors is empty"),
        (lambda whole: whole[:7], "is not a GlassGPT checkpoint, or is cut short"),
        (lambda whole: whole[:100], "is not a GlassGPT checkpoint, or is cut short"),
        (lambda whole: whole[:-1], "does not match its checksum"),
        (lambda whole: whole + b"0", "does not match its checksum"),
        (lambda whole: b"emma\nava\nolivia\nmia\n", "is not a GlassGPT checkpoint"),
        (lambda whole: bytes(1000), "is not a GlassGPT checkpoint"),
        (lambda whole: rewritten(whole, b""), "wte is not at bytes 0–160"),
    ],
)
def test_a_file_that_is_not_a_checkpoint_is_refused_with_a_sentence(
    octets: bytes, octets_of: Callable[[bytes], bytes], sentence: str
) -> None:
    with pytest.raises(CheckpointError, match=sentence) as caught:
        load_checkpoint_bytes(octets_of(octets), "run.safetensors")
    assert "Error" not in str(caught.value)
    assert "glassgpt train --out DIR" in caught.value.hint


def as_format_1(octets: bytes, without: str = "sha256") -> bytes:
    (length,) = struct.unpack_from("<Q", octets)
    head, body = json.loads(octets[8 : 8 + length]), octets[8 + length :]
    for fact in {"sha256", without}:
        del head["__metadata__"][fact]
    head["__metadata__"]["format"] = json.dumps("glassgpt-1")
    head["__metadata__"]["body_sha256"] = json.dumps(hashlib.sha256(body).hexdigest())
    encoded = json.dumps(head).encode()
    return struct.pack("<Q", len(encoded)) + encoded + body


def test_a_checkpoint_of_the_first_format_is_read_and_written_in_the_new_one(octets: bytes) -> None:
    old = as_format_1(octets)
    assert to_bytes(from_bytes(old)) == octets
    with pytest.raises(CheckpointError, match="does not match its checksum"):
        from_bytes(old[:-1] + bytes([old[-1] ^ 1]))


def test_a_checkpoint_that_does_not_hold_the_first_settings_says_so(
    octets: bytes, tmp_path: Path
) -> None:
    kept = from_bytes(as_format_1(octets, without="base"))
    assert "settings at step 0" in kept.recipe.doubt
    assert from_bytes(to_bytes(kept)).recipe == kept.recipe  # and does not forget it
    assert from_bytes(octets).recipe.doubt == ""
    save_checkpoint(kept, tmp_path / "run")
    _, err = glassgpt("inspect", tmp_path / "run")
    assert "note: this checkpoint has an older format" in err


def test_a_safetensors_file_of_another_program_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "checkpoint.safetensors"
    safetensors.numpy.save_file({"wte": np.zeros((2, 2))}, path)
    with pytest.raises(CheckpointError, match="not a GlassGPT checkpoint of the format"):
        load_checkpoint(tmp_path)


def test_the_random_stream_continues_where_it_was() -> None:
    session = trained()
    rng: random.Random = session.snapshot().rng()
    assert [rng.random() for _ in range(3)] == [session.rng.random() for _ in range(3)]


def test_a_missing_checkpoint_says_how_to_make_one(tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match=r"no checkpoint at .*\nhint: .*train --out DIR"):
        load_checkpoint(tmp_path / "nowhere")


def test_a_failed_write_leaves_the_checkpoint_before_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    session = trained()
    path = save_checkpoint(session.snapshot(), tmp_path)
    before = path.read_bytes()
    session.run(1)

    def full(_descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(CheckpointError, match="No space left on device"):
        save_checkpoint(session.snapshot(), tmp_path)
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]


def test_a_snapshot_can_be_sent_to_another_process() -> None:
    snapshot = trained().snapshot()
    assert to_bytes(pickle.loads(pickle.dumps(snapshot))) == to_bytes(snapshot)


def test_a_snapshot_is_found_by_directory_file_or_bytes(tmp_path: Path) -> None:
    path = save_checkpoint(trained().snapshot(), tmp_path / "a" / "b")
    first, second = load_checkpoint(path), load_checkpoint(path.parent)
    assert isinstance(first, Snapshot)
    assert to_bytes(first) == to_bytes(second) == to_bytes(load_checkpoint_bytes(path.read_bytes()))


WRITER = """
import os, sys, time
from pathlib import Path
from glassgpt.training import checkpoint

def stuck(_descriptor):
    print("writing", flush=True)
    time.sleep(60)

os.fsync = stuck
checkpoint.write_atomically(Path(sys.argv[1]), b"half")
"""


def test_a_killed_writers_file_is_removed_and_a_running_ones_is_not(tmp_path: Path) -> None:
    path = tmp_path / "checkpoint.safetensors"
    command = [sys.executable, "-c", WRITER, str(path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as writer:
        assert writer.stdout is not None
        writer.stdout.readline()
        try:
            save_checkpoint(trained().snapshot(), tmp_path)
            assert len(partials(tmp_path)) == 1
        finally:
            writer.kill()
    assert len(partials(tmp_path)) == 1
    load_checkpoint(tmp_path)
    assert partials(tmp_path) == []


def partials(directory: Path) -> list[Path]:
    return list(directory.glob(".*.partial"))


def test_threads_that_write_one_file_do_not_touch_each_other(tmp_path: Path) -> None:
    path = tmp_path / "it"
    contents = [bytes([i]) * 100_000 for i in range(8)]
    with ThreadPoolExecutor() as pool:
        list(pool.map(lambda octets: write_atomically(path, octets), contents * 5))
    assert path.read_bytes() in contents
    assert list(tmp_path.iterdir()) == [path]


def test_a_checkpoint_of_other_documents_or_another_vocabulary_is_refused() -> None:
    snapshot = trained().snapshot()
    with pytest.raises(CheckpointError, match="trained on other documents"):
        Session.resumed(snapshot, ["abc"])
    state = models.random_state(snapshot.config, 6)
    forged = dataclasses.replace(snapshot, tokenizer=Tokenizer("abcd漢"), state=state)
    with pytest.raises(CheckpointError, match="vocabulary is not that of its documents"):
        Session.resumed(forged, ["abc", "cab", "漢"])
