"""HTML, read: which tags it opens, whether it closes them, and its text."""

from __future__ import annotations

from html.parser import HTMLParser


class Page(HTMLParser):
    """The text of HTML, the tags it opens, and whether it closes them all."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.seen: set[str] = set()
        self.text = ""

    def handle_starttag(self, tag: str, attrs: object) -> None:  # noqa: ARG002
        self.seen.add(tag)
        if tag != "br":
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text += data
