"""What a page shows, measured in the browser."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.e2e.conftest import Tab

ROOT = Path(__file__).parents[2]


def small_controls(it: Tab, part: str) -> tuple[int, list[str]]:
    """Return how many controls are in a part of the page, and those too small for a finger."""
    controls, small = it.page.evaluate(
        """(part) => {
          const all = "button, input, select, textarea, a[href], summary, [role=slider]";
          const parts = [...document.querySelectorAll(part)];
          const controls = parts.flatMap((one) => [one, ...one.querySelectorAll("*")])
            .filter((e) => e.matches(all) && !e.matches(".pick, [aria-hidden=true]"))
            .filter((e) => e.checkVisibility())
            .map((e) => ["radio", "checkbox", "file"].includes(e.type) ? e.closest("label") : e);
          const small = controls
            .map((e) => [e.textContent || e.ariaLabel || e.name, e.getBoundingClientRect()])
            .filter(([, box]) => box.width < 43.9 || box.height < 43.9)
            .map(([name, box]) => `${name}: ${box.width} x ${box.height}`);
          return [controls.length, small];
        }""",
        part,
    )
    return controls, small


def accessibility(it: Tab) -> list[str]:
    axe = ROOT / "web" / "node_modules" / "axe-core" / "axe.min.js"
    if not axe.exists():
        pytest.skip("axe-core is not installed (npm ci in web/)")
    it.page.evaluate(axe.read_text("utf-8"))
    found: list[dict[str, Any]] = it.page.evaluate("async () => (await axe.run()).violations")
    return [
        f"{one['id']}: {one['help']}: {node['html'][:150]} {node['failureSummary'][:200]}"
        for one in found
        for node in one["nodes"][:3]
    ]
