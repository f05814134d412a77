"""The static site: complete, with a policy, and never in place of anything else."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from glassgpt.browser import site
from glassgpt.browser.worker import read_source
from glassgpt.errors import SiteError
from glassgpt.live.new_run import Source

PAGE = '<!doctype html><head><meta charset="utf-8" /></head><div id="page"></div>'


@pytest.fixture(autouse=True)
def built(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A page and Python that are built, as small as can be."""
    page, python = tmp_path / "static", tmp_path / "pyodide"
    for folder in (page / "assets", python):
        folder.mkdir(parents=True)
    (page / "index.html").write_text(PAGE)
    (page / "offline.js").write_text("// the service worker")
    (page / "assets" / "index.js").write_text("// é", encoding="utf-8")
    (python / site.MADE).write_text("{}")
    monkeypatch.setattr(site, "PAGE", page)
    monkeypatch.setattr(site, "PYTHON", python)


def test_it_has_the_page_with_a_policy_and_python(tmp_path: Path) -> None:
    site.write_site(tmp_path / "out" / "public", Source.builtin())
    page = (tmp_path / "out" / "public" / "index.html").read_text()
    names = {p.relative_to(tmp_path / "out" / "public").as_posix() for p in files(tmp_path / "out")}
    made = {"index.html", "offline.js", "assets/index.js", "pyodide/manifest.json"}
    assert names == {*made, "site.json", ".nojekyll"}
    assert "script-src 'self' 'wasm-unsafe-eval';" in page
    assert '<meta name="glassgpt-python" content="pyodide/" />' in page
    assert "glassgpt-documents" not in page


def test_the_service_worker_knows_the_files_and_their_content(tmp_path: Path) -> None:
    programs = []
    for source in (Source.builtin(), Source("a", ("ab",)), Source("a", ("ba",))):
        site.write_site(tmp_path / "public", source)
        programs.append((tmp_path / "public" / site.OFFLINE).read_text())
    first = programs[0].splitlines()
    kept = ["./", "assets/index.js", "index.html", "pyodide/manifest.json"]
    assert first[0] == f"const FILES = {json.dumps(kept)};"
    assert "documents.json" in programs[1].splitlines()[0]
    assert programs[1].splitlines()[0] == programs[2].splitlines()[0]
    assert len({program.splitlines()[1] for program in programs}) == 3
    assert programs[0].endswith("// the service worker")


def test_documents_of_its_own_come_with_it(tmp_path: Path) -> None:
    source = Source("poems", ("ab", "\ud7ff\u2028 \U0001f642"), "words")
    site.write_site(tmp_path / "public", source)
    assert 'name="glassgpt-documents"' in (tmp_path / "public" / "index.html").read_text()
    assert read_source((tmp_path / "public" / site.DOCUMENTS).read_text("utf-8")) == source


def test_it_replaces_an_older_site_completely(tmp_path: Path) -> None:
    public = tmp_path / "public"
    site.write_site(public, Source("poems", ("ab",)))
    site.write_site(public, Source.builtin())
    assert not (public / site.DOCUMENTS).exists()
    assert sorted(p.name for p in tmp_path.iterdir()) == ["public", "pyodide", "static"]


def test_what_was_added_to_an_older_site_stays(tmp_path: Path) -> None:
    public = tmp_path / "public"
    site.write_site(public, Source("poems", ("ab",)))
    (public / "CNAME").write_text("glass.example")
    (public / "docs").mkdir()
    (public / "docs" / "index.html").write_text("mine")
    (public / "index.html").write_text("broken")
    site.write_site(public, Source.builtin())
    assert (public / "CNAME").read_text() == "glass.example"
    assert (public / "docs" / "index.html").read_text() == "mine"
    assert "glassgpt-python" in (public / "index.html").read_text()
    assert not (public / site.DOCUMENTS).exists()
    assert "docs" not in (public / site.LIST).read_text()


def test_with_an_address_a_link_is_previewed_with_the_picture(tmp_path: Path) -> None:
    (tmp_path / "static" / "assets" / "page-abc.png").write_bytes(b"")
    site.write_site(tmp_path / "public", Source.builtin(), "https://example.org/gpt/")
    page = (tmp_path / "public" / "index.html").read_text()
    assert 'property="og:image" content="https://example.org/gpt/assets/page-abc.png"' in page
    assert 'property="og:url" content="https://example.org/gpt/"' in page
    site.write_site(tmp_path / "public", Source.builtin())
    assert "og:" not in (tmp_path / "public" / "index.html").read_text()


@pytest.mark.parametrize("address", ["example.org", "ftp://example.org", 'https://a"onload="b'])
def test_an_address_that_is_none_is_refused(tmp_path: Path, address: str) -> None:
    with pytest.raises(SiteError, match="the address of a site"):
        site.write_site(tmp_path / "public", Source.builtin(), address)
    assert not (tmp_path / "public").exists()


def test_an_empty_directory_is_used(tmp_path: Path) -> None:
    (tmp_path / "public").mkdir()
    site.write_site(tmp_path / "public", Source.builtin())
    assert (tmp_path / "public" / "index.html").exists()


def test_other_files_are_never_replaced(tmp_path: Path) -> None:
    (tmp_path / "thesis").mkdir()
    (tmp_path / "thesis" / "index.html").write_text("mine")
    with pytest.raises(SiteError, match="not a site"):
        site.write_site(tmp_path / "thesis", Source.builtin())
    with pytest.raises(SiteError, match="not a directory"):
        site.write_site(tmp_path / "thesis" / "index.html", Source.builtin())
    assert (tmp_path / "thesis" / "index.html").read_text() == "mine"


@pytest.mark.parametrize("missing", ["PAGE", "PYTHON"])
def test_what_is_not_built_is_said(
    missing: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(site, missing, tmp_path / "nothing")
    with pytest.raises(SiteError, match="not built"):
        site.write_site(tmp_path / "public", Source.builtin())
    assert not (tmp_path / "public").exists()


def files(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_file()]
