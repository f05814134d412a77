"""Commands whose events a page waits for: opening a checkpoint, ending a job, comparing."""

from __future__ import annotations

from dataclasses import asdict

from glassgpt import Config, Session
from glassgpt.arrays import numbers
from glassgpt.live import protocol
from glassgpt.live.new_run import Source, Text
from glassgpt.live.player import Player
from glassgpt.live.presenters.answers import considered
from glassgpt.live.presenters.run import link
from glassgpt.live.workspace import Workspace
from glassgpt.training.snapshot import to_bytes
from tests.support.playing import SMALL, SOURCE, Page, played, straight

BOOK = "One fine day. Two went out.\n"


def checkpoint(source: Source, steps: int, config: Config = SMALL) -> bytes:
    session = Session(config, source.documents, data_name=source.name, cut=source.cut)
    session.run(steps)
    return to_bytes(session.snapshot())


def test_a_checkpoint_is_opened_in_addition_to_the_current_run_and_continues() -> None:
    async def script(player: Player, page: Page) -> None:
        player.tell(protocol.Load("mine.safetensors"), checkpoint(SOURCE, 12))
        await page.until(lambda: page.count("Hello") == 2)
        await page.stands_at(12)
        player.tell(protocol.Seek(30))
        await page.stands_at(30)
        ours, theirs = player.workspace.session.engine.state(), straight(30).engine.state()
        assert numbers(ours.params["wte"]) == numbers(theirs.params["wte"])
        await page.until(lambda: page.count("Branches"))

    page = played(script)
    assert page.last("Hello")["begin"] == 12
    assert [branch["fork"] for branch in page.last("Branches")["branches"]] == [0, 12]


def test_a_checkpoint_whose_documents_are_missing_is_opened_once_they_are_sent() -> None:
    source = Text.of("results_file.txt", BOOK.encode()).source("words")

    async def script(player: Player, page: Page) -> None:
        octets = checkpoint(source, 5)
        player.tell(protocol.Load("mine.safetensors"), octets)
        await page.until(lambda: page.count("Refused"))
        asked = protocol.Consider(asdict(SMALL), "", "sent", "results_file.txt")
        player.tell(asked, BOOK.encode())  # as its lines: the checkpoint contains the cut
        player.tell(protocol.Load("mine.safetensors"), octets)
        await page.until(lambda: page.count("Hello") == 2)

    page = played(script)
    assert "'results_file.txt', which is not here" in page.last("Refused")["what"]
    assert (page.last("Hello")["data_name"], page.last("Hello")["documents"]) == (
        "results_file.txt",
        6,
    )


def test_a_verification_that_is_ended_says_so() -> None:
    async def script(player: Player, page: Page) -> None:
        player.tell(protocol.Verify(40))
        await page.until(lambda: page.count("Verified"))
        assert page.last("Verified")["running"]
        player.tell(protocol.Verify(0))
        await page.until(lambda: page.count("Ended"))
        assert page.last("Ended")["job"] == "verification"
        assert page.last("Verified")["step"] < 40
        player.tell(protocol.Verify(3))
        await page.until(lambda: page.last("Verified")["steps"] == 3)
        await page.until(lambda: not page.last("Verified")["running"])
        assert page.last("Verified")["step"] == 3

    played(script)


def test_a_change_that_ends_a_verification_says_so() -> None:
    async def script(player: Player, page: Page) -> None:
        player.tell(protocol.Verify(40))
        await page.until(lambda: page.count("Verified"))
        player.tell(protocol.Edit("wte", 0, 0, 1.0))
        await page.until(lambda: page.count("Ended"))
        assert page.last("Ended")["job"] == "verification"

    played(script)


def test_branches_are_compared_on_the_document_of_the_frame_after_a_reset() -> None:
    async def script(player: Player, page: Page) -> None:
        player.tell(protocol.Watch(["value:wte"], "bbbb"))
        player.tell(protocol.Start(asdict(SMALL), ""))
        player.tell(protocol.Seek(10))
        await page.stands_at(10)
        player.tell(protocol.Edit("wte", 0, 0, 1.0))
        await page.until(lambda: page.count("Difference"))

    page = played(script)
    assert page.last("Frame")["document"] == page.last("Difference")["document"] == "bbbb"


def test_all_characters_are_counted_where_not_all_are_sent() -> None:
    source = Source("many", tuple(chr(0x4E00 + i) for i in range(250)))
    told = considered(source, asdict(SMALL))
    assert (told.character_count, len(told.characters)) == (250, 200)


def test_a_file_named_like_the_built_in_names_is_renamed() -> None:
    own = Text.of("built-in names", b"ab\nba\n").source("")
    assert own.name != Source.builtin().name
    assert "data=" in link(Workspace(own, SMALL))
