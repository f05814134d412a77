"""The static site: a folder that any file server can serve, without Python on that machine."""

from __future__ import annotations

import hashlib
import json
import re
import shutil
import tempfile
from pathlib import Path
from urllib.parse import quote

from glassgpt.browser.worker import write_source
from glassgpt.errors import SiteError
from glassgpt.live.new_run import Source

PACKAGE = Path(__file__).parents[1]
PAGE = PACKAGE / "static"
PYTHON = PACKAGE / "pyodide"
MADE = "manifest.json"  # the last of Python's files
LIST = "site.json"  # the names of a site's files: what else is in its folder is the reader's own
DOCUMENTS = "documents.json"
OFFLINE = "offline.js"  # the service worker
NOT_KEPT = (".woff", ".png", OFFLINE, ".nojekyll")  # by it: not needed where Python runs
PICTURE = r"assets/page-.*\.png"  # the page after a run
NOT_SERVED = ".nojekyll"  # GitHub Pages then serves every file as it is
# GitHub Pages and most other hosts send no policy, so that the page has it
POLICY = (
    "default-src 'self'; script-src 'self' 'wasm-unsafe-eval'; style-src 'self' 'unsafe-inline'; "
    "img-src 'self' data: blob:; worker-src 'self'; object-src 'none'; base-uri 'self'"
)


def write_site(directory: Path, source: Source, address: str = "") -> None:
    """Write the site that shows `source` into `directory`, in place of an older site there.

    Files that are not of that older site stay, such as CNAME or a documentation. At an `address`,
    links to the site are previewed with a picture. Raises `SiteError` if the page or Python is
    not built, if the directory has other files, or if it cannot be written; it then stays as it
    was.
    """
    _check_address(address)
    _check_built()
    _check_replaceable(directory)
    try:
        directory.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=directory.parent, prefix=".site-") as folder:
            made = Path(folder) / "site"
            _write(made, source, address)
            if directory.exists():
                _take_over(directory, made)
                directory.rename(Path(folder) / "older")  # removed with the folder
            made.rename(directory)
    except OSError as error:
        raise SiteError(
            f"the site cannot be written to {str(directory)!r}: {error.strerror or error}",
            "name another directory",
        ) from None


def _check_address(address: str) -> None:
    if address and not re.fullmatch(r"https?://[^\s\"'<>]+", address):
        raise SiteError(
            f"the address of a site cannot be {address!r}", "write it like https://example.org/gpt/"
        )


def _check_built() -> None:
    if not (PAGE / "index.html").exists():
        raise SiteError("the page is not built", "run `npm ci && npm run build` in web/")
    if not (PYTHON / MADE).exists():
        raise SiteError(
            "Python for the browser is not built",
            "in the source tree run `python -m tools.build_python`; released wheels have it",
        )


def _check_replaceable(directory: Path) -> None:
    """Raise if the directory has files that are not an older site."""
    try:
        strange = directory.exists() and any(directory.iterdir())
    except OSError as error:
        raise SiteError(f"{str(directory)!r} is not a directory: {error.strerror}") from None
    if strange and not (directory / LIST).exists():
        raise SiteError(
            f"{str(directory)!r} has files that are not a site of glassgpt",
            "name a new directory, or an earlier site, which is replaced",
        )


def _take_over(older: Path, made: Path) -> None:
    """Copy what a reader has added to an older site into the new one."""
    try:
        of_the_site = set(json.loads((older / LIST).read_text("utf-8")))
    except FileNotFoundError:  # an empty directory
        return
    for name in _names(older):
        if name not in of_the_site and not (made / name).exists():
            (made / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(older / name, made / name)


def _write(directory: Path, source: Source, address: str) -> None:
    shutil.copytree(PAGE, directory)
    shutil.copytree(PYTHON, directory / PYTHON.name)
    own = source != Source.builtin()
    if own:
        (directory / DOCUMENTS).write_text(write_source(source), encoding="utf-8")
    facts = {"python": f"{PYTHON.name}/", **({"documents": DOCUMENTS} if own else {})}
    page = directory / "index.html"
    preview = _preview(directory, address) if address else []
    page.write_text(_marked(page.read_text("utf-8"), facts, preview), encoding="utf-8")
    (directory / NOT_SERVED).touch()
    names = _names(directory)
    (directory / LIST).write_text(json.dumps([*names, LIST]), encoding="utf-8")
    _write_offline(directory, [name for name in names if not name.endswith(NOT_KEPT)])


def _names(directory: Path) -> list[str]:
    files = (path for path in directory.rglob("*") if path.is_file())
    return sorted(path.relative_to(directory).as_posix() for path in files)


def _write_offline(directory: Path, kept: list[str]) -> None:
    """Tell the service worker the files that it keeps, and a hash of them."""
    content = hashlib.sha256()
    for name in kept:
        content.update(name.encode() + hashlib.sha256((directory / name).read_bytes()).digest())
    program = directory / OFFLINE
    constants = {"FILES": ["./", *map(quote, kept)], "VERSION": content.hexdigest()[:16]}
    lines = [f"const {name} = {json.dumps(value)};\n" for name, value in constants.items()]
    program.write_text("".join([*lines, program.read_text("utf-8")]), encoding="utf-8")


def _preview(directory: Path, address: str) -> list[str]:
    """Return what other pages and programs show of a link to the site, by the Open Graph."""
    pictures = [
        f"{address.rstrip('/')}/{name}" for name in _names(directory) if re.fullmatch(PICTURE, name)
    ]
    values = {
        "og:type": "website",
        "og:url": address,
        "og:title": "GlassGPT: watch a tiny GPT learn",
        "og:description": "It trains in front of you, and every number in it can be opened.",
        **({"og:image": pictures[0]} if pictures else {}),
    }
    metas = [f'<meta property="{name}" content="{value}" />' for name, value in values.items()]
    return [*metas, '<meta name="twitter:card" content="summary_large_image" />']


def _marked(page: str, facts: dict[str, str], preview: list[str]) -> str:
    """Return the page with its policy, and with what its program must know of the site."""
    metas = [f'<meta http-equiv="Content-Security-Policy" content="{POLICY}" />']
    metas += [f'<meta name="glassgpt-{name}" content="{value}" />' for name, value in facts.items()]
    metas += [*preview, '<link rel="manifest" href="./app.webmanifest" />']
    before, charset, after = page.partition('<meta charset="utf-8" />')
    assert charset, "the page has no charset"
    return "\n    ".join([before + charset, *metas]) + after
