"""The documents that a page can begin a run with: built in, sent, or learned from before."""

from __future__ import annotations

from glassgpt.data.documents import fingerprint
from glassgpt.errors import CheckpointError, ProtocolError
from glassgpt.live import protocol
from glassgpt.live.new_run import Source, Text
from glassgpt.live.workspace import Workspace
from glassgpt.training.snapshot import Snapshot

MAX_LEARNED = 4  # sets of documents that a reader can return to


class Sources:
    """The files sent by this page, and the documents of its earlier runs."""

    def __init__(self) -> None:
        self.text: Text | None = None  # the file that was sent last
        self._learned: dict[str, Source] = {}  # by fingerprint

    def wanted(self, run: protocol.RunRequest, payload: bytes | None, shown: Source) -> Source:
        """Return the documents of a requested run; raise if they are not available."""
        match run.data:
            case "builtin":
                return Source.builtin()
            case "sent":
                if payload is not None:
                    self.text = Text.of(run.data_name or "your text", payload)
                if self.text is None:
                    raise ProtocolError("no file came with the command", "choose the file again")
                return self.text.source(run.cut)
            case "kept":
                return shown
            case known if known in self._learned:
                return self._learned[known]
            case _:
                raise ProtocolError("these documents are no longer here", "choose the file again")

    def learned(self, source: Source, sha256: str) -> None:
        """Keep these documents for later runs."""
        self._learned[sha256] = source
        while len(self._learned) > MAX_LEARNED:
            del self._learned[next(iter(self._learned))]

    def of_checkpoint(self, snapshot: Snapshot, workspace: Workspace) -> Source:
        """Return the documents that a checkpoint's run learned from; raise if they are missing.

        They may be those of an open run, those of an earlier run, the built-in
        ones, or the file that was sent last.
        """
        recipe = snapshot.recipe
        sha256 = recipe.data_sha256
        shown = {
            branch.history.recipe.data_sha256: workspace.tools_of(branch).source
            for branch in workspace.branches
        }
        known = {**self._learned, **shown}
        if sha256 in known:
            return known[sha256]
        others = [Source.builtin()]
        if self.text is not None:
            others.append(self.text.source(recipe.cut))
        for source in others:
            if fingerprint(source.documents) == sha256:
                return source
        raise CheckpointError(
            f"this checkpoint's run learned from {recipe.data_name!r}, which is not here",
            "choose that file under set-up as your own text, then open the checkpoint again",
        )
