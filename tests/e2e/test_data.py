"""Own data, dropped, chosen or pasted: its tokens or an error, without an effect on other tabs."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from glassgpt import GlassError, Session
from glassgpt.data.documents import fingerprint, split_documents
from glassgpt.model.tokenizer import Tokenizer
from glassgpt.training.link import read_link
from tests.e2e.conftest import SMALL, Opener, Tab, exactly, straight
from tests.support.actions import drop
from tests.support.serving import Served

GOOD = {
    "letters": "xyz\nzyx\nxxyz\n",
    "windows lines and a mark": "\ufeffone\r\ntwo\r\n\r\nthree\r\n",
    "right to left": "שלום\nעולם\nשלומות\n",
    "arabic": "سلام\nعالم\n",
    "emoji": "🙂🙃\n🙃🙂🙂\n👩‍👩‍👧\n",
    "combining": "e\u0301a\nn\u0303o\n",
    "mathematical": "𝔘𝔫𝔦\n𝔠𝔬𝔡𝔢\n",
    "markup": "<b>&amp;</b>\n<script>alert(1)</script>\n",
    "spaces inside": "to be\nor not\n",
    "one letter": "a\n",
}
MANY = "".join(f"{chr(0x20000 + i)}\n" for i in range(30_000))
BAD = {  # what is dropped, and the page's message
    "binary": (b"\x00\x01\xfe\xff" * 50, "is not text: it holds zero bytes"),
    "latin-1": ("año\n".encode("latin-1"), "is not UTF-8 text"),
    "utf-16": (b"\xff\xfeabc", "is not UTF-16-LE text"),
    "blank lines": (b"\n\n  \n\t\n", "has no documents"),
    "too many characters": (MANY.encode(), "30,000 different characters; the limit is 20,000"),
    "more than a page takes": (b"abcdefg\n" * 2**20 + b"x", "more than the 8.4 MB a page takes"),
}


@pytest.fixture(scope="module")
def it(tabs: Opener) -> Tab:
    return tabs(f"{SMALL}&step=0")


@pytest.fixture(scope="module")
def witness(tabs: Opener, names_file: Path) -> Iterator[Tab]:
    """Open another tab, whose run must not be affected by anything here."""
    other = tabs("n_embd=8&n_head=2&block_size=8&num_steps=100000&seed=5")
    other.until("s.losses.length > 5")
    yield other
    other.page.get_by_role("button", name="Pause").click()
    other.until("!s.frame.playing")
    assert other.state("line") == "open"
    assert other.page.locator(".notices").inner_text() == ""
    losses = other.page.evaluate(
        "() => { const l = window.glass.state().losses; return [...l.data.slice(0, l.length)] }"
    )
    link = "n_embd=8&n_head=2&block_size=8&num_steps=100000&seed=5"
    assert losses == exactly([r.loss for r in straight(names_file, 0, link).run(len(losses))])
    assert not other.faults


def choose(it: Tab, octets: bytes, name: str = "mine.txt") -> None:
    it.page.locator('main input[type="file"]').set_input_files(
        {"name": name, "mimeType": "text/plain", "buffer": octets}
    )


def fresh(it: Tab) -> None:
    """Discard what an earlier test began in the set-up; an answer to it may still come."""
    leave = it.page.get_by_role("button", name="Cancel")
    while it.state("considered") or it.state("refused"):
        if leave.count():
            leave.click()
        for close in it.page.locator(".notices button").all():
            close.click()
        it.settles()
    it.page.locator('main input[type="file"]').evaluate("e => { e.value = '' }")


@pytest.mark.parametrize("how", [drop, choose])
def test_a_file_is_previewed_as_the_tokenizer_reads_it(it: Tab, how) -> None:
    fresh(it)
    text = "hello\nworld\nold\n"
    how(it, text.encode(), "three words.txt")
    it.until("s.considered")
    documents = split_documents(text.encode(), "")
    assert it.state("considered.characters") == list(Tokenizer.of(documents).characters)
    assert it.state("considered.examples") == documents
    told = it.page.get_by_role("region", name="Set-up").inner_text()
    assert "three words.txt" in told
    assert "learning from 3 documents with 7 different characters" in told
    assert "“hello”, “world”, “old”" in told


def test_a_preview_says_what_it_leaves_out_and_how_it_was_read(it: Tab) -> None:
    fresh(it)
    letters = [chr(0x4E00 + i) for i in range(300)]
    choose(it, ("\n".join(letters) + "\n" + "abc" * 50).encode("utf-16"))
    it.until("s.considered")
    told = it.page.get_by_role("region", name="Set-up").inner_text()
    assert "learning from 301 documents with 303 different characters" in told
    assert "The text was read as UTF-16." in told
    assert "and 183 more" in told
    choose(it, b"abc" * 50)
    it.until("s.considered?.documents === 1")
    told = it.page.get_by_role("region", name="Set-up").inner_text()
    assert "mine.txt, 150 bytes" in told
    assert "3 different characters, which is longer than the context." in told
    assert f"“{('abc' * 50)[:40]}…”" in told
    assert "UTF" not in told


def test_pasted_text_is_previewed_and_learned_from(tab: Opener) -> None:
    it = tab(f"{SMALL}&step=0")
    it.page.get_by_label("your own text").check()
    assert it.page.get_by_role("button", name="Begin new run").is_disabled()
    it.page.get_by_label("Your text, one document a line").fill("abab\nbaba\n")
    it.until("s.considered?.documents === 2")
    it.page.get_by_role("button", name="Begin new run").click()
    it.until("s.hello.documents === 2 && s.frame.step > 3")
    session = Session(read_link(SMALL).recipe.config, ["abab", "baba"])
    first = it.page.evaluate("() => [...window.glass.state().losses.data.slice(0, 3)]")
    assert first == exactly([record.loss for record in session.run(3)])


@pytest.mark.parametrize("text", GOOD.values(), ids=GOOD)
def test_text_of_any_script_is_learned_from_token_by_token(it: Tab, text: str) -> None:
    fresh(it)
    choose(it, text.encode())
    it.until("s.considered && !s.considered.problem")
    it.page.get_by_role("button", name="Begin new run").click()
    it.until("s.hello.data_name === 'mine.txt' && s.frame.step > 2")
    it.page.keyboard.press("Escape")
    it.page.get_by_role("button", name="To the start").click()
    it.stands_at(0)
    config = read_link(SMALL).recipe.config
    session = Session(config, split_documents(text.encode(), ""))
    assert it.state("hello.characters") == list(session.tokenizer.characters)
    document = session.document(0)
    seen = document[: config.block_size]
    assert it.state("frame.document") == seen
    assert it.state("frame.tokens") == session.tokens(document)
    assert it.shown("document") == seen
    told = it.page.evaluate("() => window.glass.state().losses.data[0]")
    assert told == exactly(session.run(1)[0].loss)
    assert not it.faults


@pytest.mark.parametrize(("octets", "sentence"), BAD.values(), ids=BAD)
@pytest.mark.parametrize("how", [drop, choose])
def test_a_file_that_is_not_text_is_refused_and_the_run_stays(
    it: Tab, witness: Tab, served: Served, how, octets: bytes, sentence: str
) -> None:
    fresh(it)
    run, name, before = (
        it.state("hello.run"),
        it.state("hello.data_name"),
        witness.state("frame.step"),
    )
    how(it, octets)
    it.page.locator(".notices, #setup ~ .trouble").get_by_text(sentence).wait_for()
    assert (it.state("hello.run"), it.state("hello.data_name")) == (run, name)
    assert it.state("line") == "open"
    witness.until(f"s.frame.step > {before}")
    assert served.process.poll() is None
    assert not it.faults


def test_the_sentence_is_that_of_the_terminal(it: Tab) -> None:
    fresh(it)
    octets = b"\xff\xfe\xfd"
    with pytest.raises(GlassError) as caught:
        split_documents(octets, "odd.txt")
    drop(it, octets, "odd.txt")
    it.until("s.refused")
    assert it.state("refused.what") == caught.value.what
    assert it.state("refused.hint") == caught.value.hint


@pytest.mark.parametrize("how", [drop, choose])
def test_an_empty_file_is_a_sentence(it: Tab, how) -> None:
    fresh(it)
    how(it, b"")
    setup = it.page.get_by_role("region", name="Set-up")
    setup.or_(it.page.locator(".notices")).get_by_text("has no documents").wait_for(timeout=1000)
    assert it.page.get_by_role("button", name="Begin new run").is_disabled()


def test_after_a_bad_file_the_previous_good_one_is_not_described(it: Tab) -> None:
    fresh(it)
    choose(it, b"xyz\nzyx\n", "good.txt")
    it.until("s.considered")
    choose(it, b"\xff\xff", "bad.txt")
    it.until("s.refused")
    told = it.page.get_by_role("region", name="Set-up").inner_text()
    assert not ("bad.txt" in told and "learning from 2 documents" in told)


def test_a_control_character_is_shown_by_a_sign_and_copied_as_itself(it: Tab) -> None:
    fresh(it)
    choose(it, b"a\tb\nb\ta\n", "tabs.txt")
    it.until("s.considered")
    it.page.get_by_role("button", name="Begin new run").click()
    it.until("s.hello.data_name === 'tabs.txt'")
    it.page.get_by_role("button", name="To the end").click()
    it.until("s.frame.step === 120 && s.samples?.step === 120")
    texts = [one["text"] for one in it.state("samples.written")]
    signs = it.page.locator("[data-sample] [data-sign='␉']")
    assert signs.count() == sum(text.count("\t") for text in texts) > 0
    copied = it.page.evaluate(
        """() => {
          getSelection().selectAllChildren(document.querySelector(".texts"));
          return getSelection().toString();
        }"""
    )
    assert copied.count("\t") == signs.count()
    assert "␉" not in copied


def test_a_hundred_thousand_documents_are_learned_from(tab: Opener) -> None:
    it = tab(f"{SMALL}&step=0")
    lines = [f"{i:x}" for i in range(100_000)]
    octets = "\n".join(lines).encode()
    assert len(octets) > 4e5
    choose(it, octets, "numbers.txt")
    it.until("s.considered?.documents === 100000")
    it.page.get_by_role("button", name="Begin new run").click()
    it.until("s.hello.documents === 100000 && s.frame.step > 3")
    assert not it.faults


def test_a_link_to_data_too_large_for_it_says_so_elsewhere(tab: Opener) -> None:
    one = tab(f"{SMALL}&step=0")
    text = "\n".join(f"{i:x}" for i in range(6000))
    choose(one, text.encode(), "numbers.txt")
    one.until("s.considered?.documents === 6000")
    one.page.get_by_role("button", name="Begin new run").click()
    one.until("s.hello.documents === 6000")
    assert f"sha256={fingerprint(text.splitlines())}" in one.state("link")
    two = tab(one.state("link"))
    sentence = "run learned from 'numbers.txt', which is too large to travel in a link"
    two.page.get_by_text(sentence).first.wait_for()


def test_a_line_longer_than_the_context_is_clipped_and_reported(it: Tab) -> None:
    fresh(it)
    choose(it, b"a" * 100_000 + b"\nb\n")
    it.until("s.considered")
    assert "1 of them is longer than the context" in it.page.locator(".new").inner_text()


def test_an_alphabet_too_large_for_the_sizes_is_a_sentence(it: Tab) -> None:
    fresh(it)
    choose(it, "\n".join(map(chr, range(0x4E00, 0x4E00 + 15_000))).encode())
    it.until("s.considered?.documents === 15000")
    box = it.page.get_by_role("spinbutton", name="n_embd")
    box.fill("128")
    box.press("Enter")
    it.until("s.considered?.problem")
    assert "parameters; the limit on a page is 2,000,000" in it.page.locator(".new").inner_text()
    assert it.page.get_by_role("button", name="Begin new run").is_disabled()


def test_long_plain_text_is_offered_to_be_cut_into_documents(it: Tab) -> None:
    fresh(it)
    choose(it, b"It was a dark and stormy night. " * 200)
    it.until("s.considered")
    setup = it.page.get_by_role("region", name="Set-up")
    setup.get_by_text("cut").wait_for(timeout=1000)
