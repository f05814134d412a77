"""The page behind a reverse proxy, under a path of its own."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from tests.e2e.conftest import opening
from tests.support.proxy import as_guided


def test_the_page_plays_under_a_path_and_requests_nothing_outside_it(
    browser: Any, tmp_path: Path
) -> None:
    with as_guided(tmp_path) as proxy, opening(proxy, browser) as open_tab:
        tab = open_tab("")
        tab.until("s.frame.step > 20 && s.frame.playing")
        assert tab.faults == []
