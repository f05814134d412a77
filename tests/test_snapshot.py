from __future__ import annotations

import json
import random
import struct
from pathlib import Path

import numpy as np
import pytest
import safetensors.numpy
from hypothesis import given
from hypothesis import strategies as st
from safetensors import safe_open

from glassgpt import Config, Session, load_checkpoint, save_checkpoint
from glassgpt.checkpoint import load_checkpoint_bytes
from glassgpt.errors import CheckpointError
from glassgpt.snapshot import Snapshot, from_bytes, to_bytes
from tests import models


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
    for field in ("config", "tokenizer", "step", "random_state", "data_name", "data_sha256"):
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
def test_damage_is_noticed(octets: bytes, data: st.DataObject) -> None:
    cut = data.draw(st.integers(0, len(octets) - 1))
    with pytest.raises(CheckpointError):
        from_bytes(octets[:cut])
    place = data.draw(st.integers(0, len(octets) - 1))
    flipped = bytearray(octets)
    flipped[place] ^= 1 << data.draw(st.integers(0, 7))
    try:
        again = from_bytes(bytes(flipped))
    except CheckpointError:
        return
    # a flip that still reads may only have touched what the header says, never a number
    assert place < 8 + struct.unpack_from("<Q", octets)[0]
    assert models.weights_of(again.state) == models.weights_of(from_bytes(octets).state)


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


def rewritten(octets: bytes, **facts: object) -> bytes:
    (length,) = struct.unpack_from("<Q", octets)
    head = json.loads(octets[8 : 8 + length])
    head["__metadata__"] |= {key: json.dumps(value) for key, value in facts.items()}
    encoded = json.dumps(head).encode()
    return struct.pack("<Q", len(encoded)) + encoded + octets[8 + length :]


@pytest.mark.parametrize(
    ("facts", "sentence"),
    [
        ({"format": "other-9"}, "no GlassGPT checkpoint of the format"),
        ({"step": -1}, "step -1"),
        ({"step": 10}, "step 10 of 9"),
        ({"config": {"n_embd": 5}}, "n_embd is 5 and n_head is 4"),
        ({"config": {"n_wings": 5}}, "n_wings"),
        ({"vocabulary": "abcd漢"}, r"wte is F64 \[5, 4\], not F64 \[6, 4\]"),
        ({"vocabulary": "aa"}, "distinct characters"),
        ({"random_state": [3, [1, 2], None]}, "damaged"),
        ({"body_sha256": "00"}, "checksum"),
    ],
)
def test_facts_that_do_not_fit_are_named(octets: bytes, facts: dict, sentence: str) -> None:
    with pytest.raises(CheckpointError, match=sentence):
        from_bytes(rewritten(octets, **facts), "run/checkpoint.safetensors")


def test_a_safetensors_file_of_another_program_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "checkpoint.safetensors"
    safetensors.numpy.save_file({"wte": np.zeros((2, 2))}, path)
    with pytest.raises(CheckpointError, match="no GlassGPT checkpoint of the format"):
        load_checkpoint(tmp_path)


def test_the_random_stream_goes_on_where_it_stood() -> None:
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


def test_a_snapshot_is_found_by_directory_file_or_bytes(tmp_path: Path) -> None:
    path = save_checkpoint(trained().snapshot(), tmp_path / "a" / "b")
    first, second = load_checkpoint(path), load_checkpoint(path.parent)
    assert isinstance(first, Snapshot)
    assert to_bytes(first) == to_bytes(second) == to_bytes(load_checkpoint_bytes(path.read_bytes()))
