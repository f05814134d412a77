"""The player: commands act between steps, frames respect credits, losses are never dropped."""

from __future__ import annotations

import asyncio
import json
from dataclasses import asdict, replace
from typing import Any

import pytest
from msgspec import structs

from glassgpt import Config, Sampling, Session
from glassgpt.arrays import numbers
from glassgpt.engines import default_engine
from glassgpt.errors import ProtocolError
from glassgpt.live import protocol
from glassgpt.live.commands.table import HANDLERS
from glassgpt.live.exports import file
from glassgpt.live.jobs.evaluation import drawn
from glassgpt.live.new_run import Source
from glassgpt.live.player import MAX_QUEUE, Player
from glassgpt.live.presenters.run import link
from glassgpt.live.workspace import Workspace
from glassgpt.training.history import History
from glassgpt.training.interventions import Edit
from glassgpt.training.link import read_link
from glassgpt.training.recipe_text import read
from tests.support.playing import SMALL, SOURCE, Here, Page, played, straight


def losses(steps: int) -> list[float]:
    return list(Session(SMALL, SOURCE.documents).run(steps).losses)


def test_the_first_event_says_what_the_run_is() -> None:
    async def script(_player: Player, page: Page) -> None:
        await page.until(lambda: page.events)

    hello = played(script).events[0]
    assert hello["kind"] == "Hello"
    assert hello["characters"] == ["a", "b"]
    assert [site["name"] for site in hello["sites"]][:2] == ["tok", "pos"]
    assert {setting["name"] for setting in hello["settings"]} == set(Config.__dataclass_fields__)


def test_playing_takes_every_step_once_and_sends_every_loss() -> None:
    async def script(player: Player, page: Page) -> None:
        player.tell(protocol.Pace(0))
        player.tell(protocol.Play())
        await page.stands_at(40)

    page = played(script)
    assert page.losses == [record.loss for record in Session(SMALL, SOURCE.documents).run()]
    assert not page.last("Frame")["playing"]


@pytest.fixture
def simulated(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The time in seconds: a player's sleep and turn take some, its work if a test sets it."""
    now = [100.0]

    async def sleep(_: object, seconds: float = 0.001) -> bool:
        now[0] += seconds
        await asyncio.sleep(0)
        return False  # not woken: a command waits until the time is over

    monkeypatch.setattr("time.perf_counter", lambda: now[0])
    monkeypatch.setattr(Here, "sleep", sleep)
    monkeypatch.setattr(Here, "pause", sleep)
    return now


def test_steps_keep_their_pace_where_each_frame_takes_long(simulated: list[float]) -> None:
    frames: list[tuple[float, int]] = []

    async def script(player: Player, page: Page) -> None:
        async def slow(frame: bytes) -> None:
            await page.send(frame)
            if page.events[-1]["kind"] == "Frame":
                frames.append((simulated[0], page.events[-1]["step"]))
                simulated[0] += 0.3

        player.attach(slow)
        player.tell(protocol.Play())
        await page.until(lambda: len(frames) > 40)

    played(script, replace(SMALL, num_steps=10_000))
    (began, first), (ended, last) = frames[20], frames[40]
    assert (last - first) / (ended - began) == pytest.approx(100, rel=0.05)


def test_a_page_that_always_lags_by_one_event_gets_frames_and_other_events_in_turn() -> None:
    async def script(player: Player, page: Page) -> None:
        def sent() -> list[int]:
            return [event["seq"] for event in page.events if "seq" in event]

        player.tell(protocol.Play())
        for number in range(2, 80):  # it draws one event after the other, and is always one behind
            await page.until(lambda: len(sent()) >= number)  # noqa: B023
            player.tell(protocol.Ack(sent()[-2]))
        assert page.count("Samples") > 1
        assert page.count("ValidationLoss") >= 1
        assert page.count("Frame") >= 35

    played(script, replace(SMALL, num_steps=100_000), draws=False)


def test_a_page_that_comes_after_one_that_never_drew_is_shown_the_run() -> None:
    async def script(player: Player, page: Page) -> None:
        def numbered() -> list[dict[str, Any]]:
            return [event for event in page.events if "seq" in event]

        player.tell(protocol.Play())
        await page.until(lambda: len(numbered()) == protocol.CREDITS)
        while numbered()[-1]["kind"] != "Frame":  # after one, samples come first
            player.tell(protocol.Ack(numbered()[-2]["seq"]))
            known = len(numbered())
            await page.until(lambda: len(numbered()) > known)  # noqa: B023
        player.tell(protocol.Pause())
        await asyncio.sleep(0.1)
        player.detach(page.send)
        reloaded = Page(player)
        player.attach(reloaded.send)
        await reloaded.until(lambda: reloaded.count("Frame"))
        player.detach(reloaded.send)

    played(script, draws=False)


def test_steps_that_no_frame_can_show_are_taken_together(
    simulated: list[float], monkeypatch: pytest.MonkeyPatch
) -> None:
    taken: list[int] = []
    advance = History.advance

    def counted(history: History, steps: int) -> None:
        taken.append(steps)
        advance(history, steps)

    monkeypatch.setattr(History, "advance", counted)

    async def script(player: Player, page: Page) -> None:
        player.tell(protocol.Play())
        await page.until(lambda: sum("seq" in event for event in page.events) == protocol.CREDITS)
        began, before = simulated[0], len(taken)
        await page.until(lambda: simulated[0] > began + 1)
        assert sum(taken[before:]) >= 90
        assert min(taken[before + 1 :]) >= 10

    played(script, replace(SMALL, num_steps=10_000), draws=False)


def test_seeking_to_any_step_and_back_gives_the_same_losses() -> None:
    async def script(player: Player, page: Page) -> None:
        for step in (30, 3, 17, 0, 40):
            player.tell(protocol.Seek(step))
            await page.stands_at(step)

    page = played(script)
    assert page.losses == [record.loss for record in Session(SMALL, SOURCE.documents).run()]


def test_a_page_that_does_not_draw_gets_two_frames_and_then_the_newest() -> None:
    async def script(player: Player, page: Page) -> None:
        player.tell(protocol.Pace(0))
        player.tell(protocol.Play())
        await page.until(lambda: player.workspace.session.step == 40)
        await asyncio.sleep(0.2)
        told = sum("seq" in event for event in page.events)
        assert told == protocol.CREDITS
        page.draws = True
        player.tell(protocol.Ack(told))
        await page.stands_at(40)

    page = played(script, draws=False)
    assert page.losses == [record.loss for record in Session(SMALL, SOURCE.documents).run()]


def test_training_pauses_without_a_page_and_continues_when_it_reconnects() -> None:
    async def script(player: Player, page: Page) -> None:
        player.tell(protocol.Pace(0))
        player.tell(protocol.Play())
        await page.until(lambda: player.workspace.session.step > 5)
        player.detach(page.send)
        await asyncio.sleep(0.05)
        stood = player.workspace.session.step
        await asyncio.sleep(0.1)
        assert player.workspace.session.step == stood < 2000
        player.attach(page.send)
        await page.until(lambda: player.workspace.session.step > stood)

    played(script, replace(SMALL, num_steps=2000))


def test_the_first_frame_shows_the_model_before_any_other_event() -> None:
    async def script(_player: Player, page: Page) -> None:
        await page.until(lambda: len(page.events) > 3)

    page = played(script)
    assert [event["kind"] for event in page.events[:2]] == ["Hello", "Frame"]
    assert {"value:wte", "value:probs"} <= {head["name"] for head in page.events[1]["arrays"]}


def test_arrays_that_are_watched_are_those_of_the_position() -> None:
    async def script(player: Player, page: Page) -> None:
        player.tell(protocol.Watch(["value:wte", "grad:loss", "nonsense"]))
        player.tell(protocol.Seek(7))
        await page.stands_at(7)

    page = played(script)
    session = straight(7)
    assert page.last("Frame")["document"] == session.document(7)
    assert page.arrays["value:wte"] == list(
        session.engine.state().params["wte"].cast("B").cast("d")
    )
    assert page.arrays["grad:loss"] == [1.0]


def test_seeking_back_sends_one_frame_and_a_question_none() -> None:
    async def script(player: Player, page: Page) -> None:
        player.tell(protocol.Seek(30))
        await page.stands_at(30)
        shown = page.count("Frame")
        player.tell(protocol.Seek(12))  # two steps after a snapshot
        await page.stands_at(12)
        player.tell(protocol.Explain("value:loss"))
        await page.until(lambda: page.count("Explained"))
        await asyncio.sleep(0.1)
        assert page.count("Frame") == shown + 1

    played(script)


def test_samples_are_the_runs_own_and_do_not_advance_it() -> None:
    async def script(player: Player, page: Page) -> None:
        player.tell(protocol.Seek(12))
        await page.until(lambda: page.count("Samples") and page.last("Samples")["step"] == 12)

    texts = [one["text"] for one in played(script).last("Samples")["written"]]
    assert texts == list(straight(12).sample(Sampling()))


def test_a_number_is_explained_at_the_current_step() -> None:
    async def script(player: Player, page: Page) -> None:
        player.tell(protocol.Seek(25))
        await page.stands_at(25)
        for n, address in enumerate(("value:wte[1,2]", "value:loss", "value:nowhere[1]")):
            player.tell(protocol.Explain(address))
            await page.until(lambda: page.count("Explained") > n)  # noqa: B023

    page = played(script)
    weight, loss, nothing = (event for event in page.events if event["kind"] == "Explained")
    run = straight(25)
    update = weight["explanation"]["update"]
    assert (weight["step"], weight["document"]) == (25, run.document(25))
    assert weight["explanation"]["value"]["number"] == run.engine.state().params["wte"][1, 2]
    rate, terms = 0.01 * (1 - 25 / 40), loss["explanation"]["value"]["terms"]
    assert update["learning_rate"] == rate
    assert abs(weight["gradient_check"]["slope"] - update["g"]) <= weight["gradient_check"]["error"]
    assert sum(term["amount"] for term in terms) == pytest.approx(run.run(1)[0].loss)
    assert nothing["explanation"] is None
    assert nothing["problem"] == "the model has no 'nowhere'"


@pytest.mark.parametrize("command", [protocol.Enter("value:loss"), protocol.Verify(3)])
def test_a_graph_too_large_for_a_page_is_refused_in_a_sentence(command: protocol.Command) -> None:
    async def script(player: Player, page: Page) -> None:
        player.tell(command)
        await page.until(lambda: page.count("Refused"))

    page = played(script, Config(n_embd=64, n_layer=4, block_size=32, num_steps=10))
    assert "the limit on a page is 400,000" in page.last("Refused")["what"]


def test_a_live_change_holds_from_the_next_step_on() -> None:
    async def script(player: Player, page: Page) -> None:
        player.tell(protocol.Seek(20))
        await page.stands_at(20)
        player.tell(protocol.Seek(10))
        await page.stands_at(10)
        player.tell(protocol.Tune({"learning_rate": 0.1}))
        player.tell(protocol.Seek(40))
        await page.stands_at(40)

    page = played(script)
    before = [record.loss for record in Session(SMALL, SOURCE.documents).run()]
    assert page.losses[:11] == before[:11]
    assert page.losses[12:] != before[12:]
    assert page.last("Settings")["config"]["learning_rate"] == 0.1


async def forked(player: Player, page: Page, command: protocol.Command) -> None:
    """Go to step 30, back to 20, and change something there."""
    for step in (30, 20):
        player.tell(protocol.Seek(step))
        await page.stands_at(step)
    player.tell(command)
    await page.until(lambda: page.count("Settings"))
    await page.until(lambda: len(page.last("Branches")["branches"]) == 2)


EDIT = protocol.Edit("wte", 0, 1, 1.5)


def test_a_change_forks_the_run_and_both_futures_are_kept() -> None:
    async def script(player: Player, page: Page) -> None:
        await forked(player, page, EDIT)
        player.tell(protocol.Seek(40))
        await page.stands_at(40)
        player.tell(protocol.Choose(1))
        await page.stands_at(30)
        await page.until(lambda: page.last("Branches")["current"] == 1)
        await page.until(lambda: page.last("Curve")["branch"] == 2)

    page = played(script)
    assert page.losses == losses(30)
    edited = straight(20)
    edited.apply(Edit("wte", 0, 1, 1.5))
    assert page.last("Curve")["first"] == 20
    assert page.curves[2] == edited.run(20).losses
    root, fork = page.last("Branches")["branches"]
    assert (root["parent"], fork["parent"], fork["fork"]) == (None, 1, 20)
    assert fork["words"] == ["wte[0,1] set to 1.5 at step 20"]
    assert fork["changes"] == "20:wte[0,1]=1.5"


def test_setting_a_weight_sends_its_price_and_where_the_branch_differs() -> None:
    async def script(player: Player, page: Page) -> None:
        await forked(player, page, EDIT)
        await page.until(lambda: page.count("Difference"))
        await page.until(lambda: page.tells("Samples", 2))

    page = played(script)
    difference = page.last("Difference")
    assert (difference["branch"], difference["step"], difference["other_step"]) == (1, 20, 20)
    assert difference["site"] == "tok"
    assert difference["first_step"] is None
    theirs = page.tells("Samples", 1)[-1]["written"]
    assert [one["text"] for one in theirs] == list(straight(20).sample(Sampling()))
    if default_engine()[0] == "fast":
        price, (ours, other) = page.last("Price"), difference["validation_loss"]
        assert (price["branch"], price["step"]) == (2, 20)
        assert (price["before"], price["after"]) == (other, ours)


def test_undo_returns_to_the_same_step_and_redo_makes_the_change_again() -> None:
    async def script(player: Player, page: Page) -> None:
        await forked(player, page, EDIT)
        player.tell(protocol.Undo())
        await page.until(lambda: page.last("Branches")["redo"])
        player.tell(protocol.Watch(["value:wte"]))
        before = numbers(straight(20).engine.state().params["wte"])
        await page.until(lambda: page.arrays["value:wte"] == before)
        assert page.losses == losses(30)
        player.tell(protocol.Redo())
        await page.until(lambda: page.last("Branches")["undo"])
        await page.until(lambda: page.arrays["value:wte"][1] == 1.5)

    page = played(script)
    assert page.last("Branches")["current"] == 2
    assert page.last("Frame")["step"] == 20


def test_a_part_is_held_at_zero_until_it_is_released() -> None:
    def silent(player: Player) -> bool:
        wo = player.workspace.session.engine.state().params["layer0.attn_wo"]
        return not any(wo[row, column] for row in range(4) for column in (2, 3))

    async def script(player: Player, page: Page) -> None:
        await forked(player, page, protocol.Ablate("head", 0, 1, hold=True))
        player.tell(protocol.Seek(25))
        await page.stands_at(25)
        assert silent(player)
        assert page.last("Branches")["branches"][1]["ablated"] == ["head0.1"]
        player.tell(protocol.StopAblating("head", 0, 1))
        await page.until(lambda: len(page.last("Branches")["branches"]) == 3)
        player.tell(protocol.Seek(26))
        await page.stands_at(26)
        assert not silent(player)

    page = played(script)
    assert page.last("Branches")["branches"][2]["ablated"] == []
    assert "do=20:head0.1!;25:~head0.1" in page.last("Settings")["link"]


def test_a_run_may_be_kept_with_a_new_one_and_chosen_again() -> None:
    async def script(player: Player, page: Page) -> None:
        player.tell(protocol.Seek(12))
        await page.stands_at(12)
        sizes: dict[str, protocol.Scalar] = {
            "n_embd": 6,
            "n_head": 3,
            "block_size": 4,
            "num_steps": 9,
        }
        player.tell(protocol.Start(sizes, "", keep=True))
        await page.until(lambda: page.count("Hello") == 2)
        await page.until(lambda: page.last("Branches")["compared"] == 1)
        await page.until(lambda: page.count("Difference"))
        player.tell(protocol.Seek(9))
        await page.stands_at(9)
        player.tell(protocol.Choose(1))
        await page.until(lambda: page.count("Hello") == 3)
        await page.stands_at(9)
        player.tell(protocol.Drop(2))
        await page.until(lambda: len(page.last("Branches")["branches"]) == 1)

    page = played(script)
    assert page.last("Hello")["config"] == asdict(SMALL)
    assert page.losses == losses(12)
    first = next(event for event in page.events if event["kind"] == "Difference")
    assert first["site"] == ""
    assert "size or vocabulary" in next(
        event["problem"]
        for event in page.events
        if event["kind"] == "Difference" and event["step"] == event["other_step"]
    )


def test_another_run_of_the_same_sizes_is_compared_number_by_number() -> None:
    async def script(player: Player, page: Page) -> None:
        player.tell(protocol.Seek(12))
        await page.stands_at(12)
        other = {**asdict(SMALL), "learning_rate": 0.05}
        player.tell(protocol.Start(other, "", keep=True))
        await page.until(lambda: page.count("Hello") == 2)
        player.tell(protocol.Seek(12))
        await page.until(lambda: page.count("Difference") and page.last("Difference")["step"] == 12)

    difference = played(script).last("Difference")
    assert difference["first_step"] == 2
    assert difference["site"]
    assert difference["largest"] > 0
    assert difference["problem"] == ""


@pytest.mark.parametrize("beside", [1, 2], ids=["it is shown", "it is compared"])
def test_a_run_that_breaks_off_is_compared_where_it_stopped(beside: int) -> None:
    async def script(player: Player, page: Page) -> None:
        await forked(player, page, protocol.Tune({"learning_rate": 1.0, "beta1": 0.0}))
        await page.until(lambda: page.count("Difference"))
        player.tell(protocol.Play())
        await page.until(lambda: page.count("Stopped"))
        if beside == 2:
            player.tell(protocol.Choose(1))
        stopped = page.last("Stopped")["step"]
        await page.until(lambda: page.last("Difference")["branch"] == beside)
        await page.until(lambda: page.last("Difference")["step"] == stopped)

    difference = played(script).last("Difference")
    assert difference["first_step"] == 22  # the update at 20 was the first to differ
    assert difference["site"] or difference["problem"]


def test_a_branch_that_was_trained_further_is_compared_again() -> None:
    async def script(player: Player, page: Page) -> None:
        await forked(player, page, EDIT)
        await page.until(lambda: page.count("Difference"))
        assert page.last("Difference")["first_step"] is None
        for step in (25, 20):
            player.tell(protocol.Seek(step))
            await page.stands_at(step)
        await page.until(
            lambda: [page.last("Difference")[name] for name in ("step", "first_step")] == [20, 21]
        )

    assert played(script).last("Difference")["first_step"] == 21


def test_the_branch_that_is_compared_can_be_chosen() -> None:
    async def script(player: Player, page: Page) -> None:
        await forked(player, page, EDIT)
        player.tell(protocol.Seek(22))
        await page.stands_at(22)
        player.tell(EDIT)
        await page.until(lambda: page.last("Branches")["current"] == 3)
        await page.until(lambda: page.tells("Difference", 2))
        player.tell(protocol.Compare(1))
        await page.until(lambda: page.last("Difference")["branch"] == 1)

    assert played(script).last("Difference")["first_step"] == 21


def test_a_preview_is_complete_and_the_current_run_does_not_change() -> None:
    wanted: dict[str, protocol.Scalar] = {**asdict(SMALL), "learning_rate": 0.05, "n_embd": 6}

    async def script(player: Player, page: Page) -> None:
        player.tell(protocol.Seek(7))
        await page.stands_at(7)
        for rate in (0.01, 0.02, 0.05):  # dragged: the newest counts
            player.tell(protocol.Preview({**wanted, "learning_rate": rate}))
        await page.until(lambda: page.count("Previewed") and page.last("Previewed")["done"])

    page = played(script)
    previewed = page.last("Previewed")
    lived = Session(Config(**wanted), SOURCE.documents)  # type: ignore[arg-type]
    assert page.count("Previewed") == 1
    assert page.arrays["losses"] == lived.run().losses
    assert [one["text"] for one in previewed["written"]] == list(lived.sample())
    assert previewed["config"] == wanted
    assert page.last("Frame")["step"] == 7


def test_a_long_preview_reports_its_progress_while_training_continues() -> None:
    async def script(player: Player, page: Page) -> None:
        player.tell(protocol.Pace(0))
        player.tell(protocol.Play())
        player.tell(protocol.Preview({**asdict(SMALL), "num_steps": 1_000_000}))
        await page.until(lambda: page.count("Previewed") > 2)
        told = [event for event in page.events if event["kind"] == "Previewed"]
        assert [event["first"] for event in told[1:]] == [event["taken"] for event in told[:-1]]
        assert not told[-1]["done"]
        player.tell(protocol.Preview(asdict(SMALL)))  # ends the long one
        await page.until(lambda: page.last("Previewed")["done"])
        assert page.last("Previewed")["taken"] == 40

    played(script, replace(SMALL, num_steps=20_000))


def test_a_seed_band_is_sent_and_a_change_ends_it() -> None:
    async def script(player: Player, page: Page) -> None:
        player.tell(protocol.Band(5))
        await page.until(lambda: page.count("SeedBand") and page.last("SeedBand")["finished"] == 5)
        lines = (page.arrays[name] for name in ("low", "median", "high"))
        assert all(low <= median <= high for low, median, high in zip(*lines, strict=True))
        player.tell(protocol.Band(200))
        player.tell(EDIT)
        await page.until(lambda: page.count("Settings"))
        told = page.count("SeedBand")
        await asyncio.sleep(0.3)
        assert page.count("SeedBand") == told

    played(script)


def test_the_attribution_of_a_probability_is_sent() -> None:
    async def script(player: Player, page: Page) -> None:
        player.tell(protocol.Seek(20))
        await page.stands_at(20)
        player.tell(protocol.Attribute("abba", 1, 1))
        await page.until(lambda: page.count("Attribution") and page.last("Attribution")["done"])

    page = played(script)
    told = page.last("Attribution")
    assert (told["context"], told["begin"], told["step"]) == ([2, 0], 0, 20)
    assert len(page.arrays["curve"]) == 21
    assert len(told["moves"]) == 20


def test_the_history_of_a_weight_follows_its_explanation_and_grows_with_the_run() -> None:
    async def script(player: Player, page: Page) -> None:
        for told, step in enumerate((20, 30)):
            player.tell(protocol.Seek(step))
            await page.stands_at(step)
            player.tell(protocol.Explain("value:wte[1,2]"))
            await page.until(lambda: page.count("WeightHistory") > told)  # noqa: B023

    page = played(script)
    every = 1 if default_engine()[0] == "fast" else 10
    assert page.last("WeightHistory")["address"] == "value:wte[1,2]"
    assert page.last("WeightHistory")["every"] == every
    assert page.arrays["steps"] == list(range(0, 31, every))
    assert page.arrays["past"] == [
        straight(step).engine.state().params["wte"][1, 2] for step in range(0, 31, every)
    ]


def test_a_new_sample_names_the_document_it_is_nearest_to() -> None:
    async def script(_player: Player, page: Page) -> None:
        await page.until(lambda: page.count("Samples"))

    for one in played(script).last("Samples")["written"]:
        assert one["seen"] == (one["distance"] == 0)
        assert one["nearest"] in SOURCE.documents


def test_a_new_run_takes_the_place_of_the_old() -> None:
    async def script(player: Player, page: Page) -> None:
        player.tell(protocol.Seek(5))
        await page.stands_at(5)
        command = protocol.Start(
            {"n_embd": 6, "n_head": 3, "num_steps": 9}, "scalar", "sent", "mine.txt"
        )
        player.tell(command, b"xyz\nzyx\n")
        await page.until(lambda: page.count("Hello") == 2)
        player.tell(protocol.Seek(9))
        await page.stands_at(9)

    page = played(script)
    assert page.last("Hello")["data_name"] == "mine.txt"
    assert page.last("Hello")["characters"] == ["x", "y", "z"]
    assert len(page.losses) == 9


def test_a_new_run_on_the_documents_of_an_earlier_one_has_the_same_losses() -> None:
    async def script(player: Player, page: Page) -> None:
        player.tell(protocol.Seek(5))
        await page.stands_at(5)
        first, losses = page.last("Hello")["data_sha256"], page.losses[:]
        player.tell(protocol.Start({"num_steps": 9}, "scalar", "sent", "mine.txt"), b"xyz\nzyx\n")
        await page.until(lambda: page.count("Hello") == 2)
        player.tell(protocol.Start(asdict(SMALL), "", first))
        player.tell(protocol.Seek(5))
        await page.until(lambda: page.count("Hello") == 3)
        await page.stands_at(5)
        assert page.last("Hello")["data_sha256"] == first
        assert page.losses == losses

    played(script)


def test_a_new_run_plays_if_requested() -> None:
    async def script(player: Player, page: Page) -> None:
        player.tell(protocol.Start({"n_embd": 6, "n_head": 3, "num_steps": 9}, "", play=True))
        await page.until(lambda: page.count("Hello") == 2 and len(page.losses) == 9)

    assert len(played(script).losses) == 9


def test_training_further_equals_the_longer_run_from_step_0() -> None:
    async def script(player: Player, page: Page) -> None:
        player.tell(protocol.Seek(40))
        await page.stands_at(40)
        player.tell(protocol.Start({**asdict(SMALL), "num_steps": 80}, ""))
        player.tell(protocol.Seek(40))
        player.tell(protocol.Play())
        await page.until(lambda: page.count("Hello") == 2)
        await page.until(lambda: page.last("Frame")["step"] > 40 and page.last("Frame")["playing"])
        player.tell(protocol.Seek(80))
        await page.stands_at(80)

    page = played(script)
    longer = Session(replace(SMALL, num_steps=80), SOURCE.documents)
    assert page.losses == [record.loss for record in longer.run()]
    schedule = page.last("Hello")["schedule"]
    assert (schedule[0], schedule[50], schedule[-1]) == (0.01, 0.005, 0.0)


def test_running_text_is_offered_to_be_cut() -> None:
    text = b"It was late, and nobody had come. She waited, and so did he. " * 3

    async def script(player: Player, page: Page) -> None:
        player.tell(protocol.Consider({}, "scalar", "sent", "book.txt"), text)
        await page.until(lambda: page.count("Considered"))
        assert {one["way"]: one["documents"] for one in page.last("Considered")["cuts"]} == {
            "paragraphs": 1, "sentences": 6, "words": 39,
        }  # fmt: skip
        player.tell(protocol.Start({}, "scalar", "sent", "book.txt", "sentences"), text)
        await page.until(lambda: page.count("Hello") == 2)

    hello = played(script).last("Hello")
    assert (hello["documents"], hello["data_name"]) == (6, "book.txt")


def test_the_slow_engine_is_shown_to_be_the_same_run() -> None:
    if default_engine()[0] != "fast":
        pytest.skip("the fast engine is not built")

    async def script(player: Player, page: Page) -> None:
        player.tell(protocol.Start(asdict(SMALL), "scalar"))
        await page.until(lambda: page.count("EnginesCompared"))

    compared = played(script).last("EnginesCompared")
    assert compared["rates"]["fast"] > compared["rates"]["scalar"] > 0
    assert compared["difference"] < 1e-12


@pytest.mark.parametrize(
    ("command", "payload", "words"),
    [
        (protocol.Start({"n_embd": 5}, "scalar"), b"", "multiple"),
        (protocol.Start({"n_embd": 4, "n_head": 4}, "quantum"), b"", "no engine"),
        (protocol.Start({}, "scalar", "sent", "x"), b"a\xfe\n", "not UTF-8"),
        (protocol.Start({}, "scalar", "sent", "x"), b" \n ", "no documents"),
        (protocol.Start({}, "scalar", "sent", "x"), b"", "no documents"),
        (protocol.Start({}, "scalar", "sent", "x"), None, "no file came"),
        (protocol.Load("x"), None, "no checkpoint came"),
        (protocol.Load("notes.txt"), b"anna\nbob\n" * 9, "notes.txt"),
        (protocol.Start({}, "scalar", "88da9bb5"), None, "no longer here"),
        (protocol.Start({"n_embd": 5}, "scalar", play=True), None, "multiple"),
        (protocol.Start({"num_steps": 5_000_000}, "scalar"), b"", "at most"),
        (protocol.Start({"wings": 2}, "scalar"), b"", "wings"),
        (protocol.Start({"n_embd": 1024, "n_layer": 64}, "scalar"), b"", "parameters"),
        (protocol.Tune({"n_embd": 8}), b"", "cannot change"),
        (protocol.Tune({"beta1": 2.0}), b"", "between"),
        (protocol.Edit("wte", 9, 0, 1.0), b"", "no wte"),
        (protocol.Ablate("head", 0, 7), b"", "no head 7"),
        (protocol.StopAblating("position"), b"", "not held"),
        (protocol.Undo(), b"", "not been changed"),
        (protocol.Redo(), b"", "nothing has been undone"),
        (protocol.Choose(7), b"", "no branch 7"),
        (protocol.Preview({"n_embd": 5}), b"", "multiple"),
        (protocol.Preview({"num_steps": 5_000_000}), b"", "at most"),
        (protocol.Band(100_000), b"", "choose 1 to"),
        (protocol.Attribute("abba", 9, 1), b"", "no position 9"),
        (protocol.Attribute("q", 0, 1), b"", "vocabulary"),
        (protocol.Drop(1), b"", "is shown"),
        (protocol.Compare(7), b"", "no branch 7"),
        (protocol.Start({}, "", do="1:wings"), b"", "not a change"),
        (protocol.Sample({"temperature": -1.0}), b"", "between"),
        (protocol.Sample({"num_samples": 9999}), b"", "at most"),
        (protocol.Sample({"prefix": "q"}), b"", "vocabulary"),
        (protocol.Sample({"prefix": "abab"}), b"", "room"),
        (protocol.Sample({"hope": 1}), b"", "hope"),
        (protocol.Sample({"temperature": 2.0}, -1), b"", "draw seed is -1, but must be between 0"),
        (protocol.Sample({"temperature": 2.0}, 2**53), b"", "9,007,199,254,740,991"),
        (protocol.Spell(99), b"", "no sample"),
        (protocol.Watch([], "q"), b"", "vocabulary"),
        (protocol.Save("everything"), b"", "no file"),
        (protocol.Pace(-1.0), b"", "pace"),
    ],
)
def test_an_invalid_command_is_refused_and_the_run_continues(
    command: protocol.Command, payload: bytes | None, words: str
) -> None:
    async def script(player: Player, page: Page) -> None:
        player.tell(command, payload)
        await page.until(lambda: page.count("Refused"))
        assert not player.playback.playing
        assert (player.workspace.sampling.temperature, player.workspace.sample_seed) == (0.5, None)
        player.tell(protocol.Seek(3))
        await page.stands_at(3)

    page = played(script)
    assert words in page.last("Refused")["what"] + page.last("Refused")["hint"]
    assert page.count("Hello") == 1


def test_a_run_that_diverges_stops_with_its_sentence() -> None:
    async def script(player: Player, page: Page) -> None:
        player.tell(protocol.Pace(0))
        player.tell(protocol.Play())
        await page.until(lambda: page.count("Stopped"))
        await page.until(lambda: not page.last("Frame")["playing"])

    wild = Config(n_embd=4, n_head=2, block_size=4, num_steps=40, learning_rate=10, init_std=10)
    stopped = played(script, wild).last("Stopped")
    assert f"step {stopped['step'] + 1}" in stopped["what"]
    assert stopped["site"] in stopped["what"]


def test_only_the_last_of_several_waiting_seeks_is_executed() -> None:
    player = None

    async def script(p: Player, page: Page) -> None:
        nonlocal player
        player = p
        for step in range(1000):
            p.tell(protocol.Seek(step % 7))
        await page.stands_at(999 % 7)

    played(script)


def test_more_waiting_commands_than_the_limit_are_refused() -> None:
    async def flood() -> None:
        player = Player("run", Workspace(SOURCE, SMALL), Here())
        for _ in range(MAX_QUEUE):
            player.tell(protocol.Play())
        with pytest.raises(ProtocolError):
            player.tell(protocol.Play())

    asyncio.run(flood())


@pytest.mark.parametrize("what", ["checkpoint", "weights", "log.jsonl", "log.csv", "script"])
def test_everything_can_be_saved(what: str) -> None:
    workspace = Workspace(SOURCE, SMALL)
    workspace.history.advance(4)
    _, _, text = file(workspace, what)
    match what:
        case "checkpoint":
            from glassgpt.training.snapshot import from_bytes

            assert from_bytes(text).step == 4
        case "weights":
            from safetensors.numpy import load

            assert load(text)["wte"].shape == (3, 4)
        case "log.jsonl":
            lines = [json.loads(line) for line in text.splitlines()]
            assert [line["loss"] for line in lines] == list(workspace.history.losses)
        case "log.csv":
            assert text.decode().splitlines()[0] == "step,document,loss,learning_rate"
        case "script":
            compile(text, "script", "exec")
            assert b"n_embd=4" in text


def test_a_saved_script_leads_to_the_same_step_with_the_interventions(
    capsys: pytest.CaptureFixture[str],
) -> None:
    recipe = read("5:learning_rate=0.1;9:head0.1!;9:wte[0,1]=1.5")
    workspace = Workspace(Source.builtin(), SMALL, interventions=recipe)
    workspace.history.advance(15)
    _, _, octets = file(workspace, "script")
    found: dict[str, Any] = {}
    exec(compile(octets, "script", "exec"), found)
    ours, theirs = workspace.session.engine.state(), found["session"].engine.state()
    assert all(ours.params[name] == theirs.params[name] for name in ours.params)
    assert capsys.readouterr().out.startswith("step 1 loss")


def test_a_link_contains_the_changes_of_a_branch() -> None:
    recipe = read("5:learning_rate=0.1;9:head0.1!")
    workspace = Workspace(SOURCE, SMALL, interventions=recipe)
    said = read_link(link(workspace))
    assert (said.recipe.config, said.recipe.interventions) == (SMALL, recipe)
    assert workspace.branches.undo().history.recipe.interventions == ()


ONE_OF_EACH: list[protocol.Command] = [
    protocol.Play(),
    protocol.Pause(),
    protocol.Seek(5),
    protocol.Pace(50.0),
    protocol.Watch(["value:wte"]),
    protocol.Sample({"temperature": 1.0}),
    protocol.Explain("value:wte[0,0]"),
    protocol.Spell(0),
    protocol.Enter("value:loss"),
    protocol.Tokenize("ab"),
    protocol.Read(0, 3),
    protocol.Save("script"),
    protocol.Preview({}),
    protocol.Band(2),
    protocol.Attribute("ab", 0, 0),
    protocol.Verify(2),
    EDIT,
    protocol.Ablate("head", 0, 0, hold=True),
    protocol.StopAblating("head", 0, 0),
    protocol.Tune({"learning_rate": 0.1}),
    protocol.Undo(),
    protocol.Redo(),
    protocol.Choose(1),
    protocol.Compare(2),
    protocol.Drop(2),
    protocol.Consider({}, ""),
    protocol.Start({"num_steps": 9}, ""),
    protocol.Load("none"),
]


def test_each_command_is_answered_with_its_id_whether_executed_or_refused() -> None:
    async def script(player: Player, page: Page) -> None:
        for number, command in enumerate(ONE_OF_EACH, start=1):
            player.tell(structs.replace(command, id=number))
            await page.until(lambda: page.count("Done") and page.last("Done")["to"] >= number)  # noqa: B023

    page = played(script)
    assert {type(command) for command in ONE_OF_EACH} == set(HANDLERS) - {protocol.Open}
    done = [event["to"] for event in page.events if event["kind"] == "Done"]
    assert done == list(range(1, len(ONE_OF_EACH) + 1))
    refused = {event["to"]: event["command"] for event in page.events if event["kind"] == "Refused"}
    assert refused == {number: type(ONE_OF_EACH[number - 1]).__name__ for number in refused}
    assert len(ONE_OF_EACH) in refused
    explained = ONE_OF_EACH.index(protocol.Explain("value:wte[0,0]")) + 1
    assert (page.last("Explained")["to"], page.last("WeightHistory")["to"]) == (
        explained,
        explained,
    )


def test_a_command_that_a_newer_one_replaces_is_done_with_it() -> None:
    async def script(player: Player, page: Page) -> None:
        for number in range(1, 20):
            player.tell(protocol.Seek(number, id=number))
        await page.until(lambda: page.count("Done"))

    page = played(script)
    assert [event["to"] for event in page.events if event["kind"] == "Done"] == [19]


@pytest.mark.parametrize(
    ("command", "job"),
    [
        (protocol.Band(200), "seed band"),
        (protocol.Attribute("abba", 1, 1), "attribution"),
        (protocol.Verify(1000), "verification"),
    ],
)
def test_a_job_that_a_change_ends_is_reported_as_ended(command: protocol.Command, job: str) -> None:
    async def script(player: Player, page: Page) -> None:
        player.tell(protocol.Seek(40))
        await page.stands_at(40)
        player.tell(structs.replace(command, id=8))
        player.tell(EDIT)
        await page.until(lambda: page.count("Ended"))

    ended = played(script).last("Ended")
    assert (ended["job"], ended["to"]) == (job, 8)


@pytest.mark.parametrize("command", [protocol.Band(200), protocol.Verify(1000)])
def test_a_job_can_be_stopped_and_begun_again(command: protocol.Band | protocol.Verify) -> None:
    few = protocol.Band(2) if isinstance(command, protocol.Band) else protocol.Verify(2)
    told = "SeedBand" if isinstance(command, protocol.Band) else "Verified"

    async def script(player: Player, page: Page) -> None:
        player.tell(command)
        await page.until(lambda: page.count(told))
        player.tell(type(command)(0))
        await page.until(lambda: page.count("Ended"))
        player.tell(few)
        await page.until(lambda: (page.last(told).get("seeds") or page.last(told)["steps"]) == 2)
        await page.until(lambda: (page.last(told).get("finished") or page.last(told)["step"]) == 2)
        await asyncio.sleep(0.05)

    assert played(script, replace(SMALL, num_steps=2000)).count("Ended") == 1


def test_a_sample_that_is_spelled_does_not_disturb_a_draw_in_progress() -> None:
    workspace = Workspace(SOURCE, SMALL)
    probe, branch = workspace.tools.probe, workspace.branches.current
    wanted = [one.text for one in drawn(workspace, branch, probe) if one]
    texts = []
    for one in drawn(workspace, branch, probe):
        texts += [one.text] if one else []
        workspace.history.advance(1)
        probe.spell(workspace.session.engine.state(), Sampling(), workspace.draw_stream(), 0)
    assert texts == wanted
