"""`glassgpt site`: the page as static files, which need no Python where they are served."""

from __future__ import annotations

from pathlib import Path

import click

from glassgpt.browser.site import write_site
from glassgpt.cli.documents import cut_option, read_data
from glassgpt.cli.options import Place
from glassgpt.cli.terminal import say
from glassgpt.live.new_run import Source


@click.command()
@click.argument("directory", type=Place())
@click.option("--data", help="A text file, one document a line, instead of the names.")
@cut_option
@click.option(
    "--address", default="", help="Where it will be, for previews of links: https://host/folder/."
)
def site(directory: Path, data: str | None, way: str | None, address: str) -> None:
    """Write the page into DIRECTORY as a static site.

    The site needs no server of its own: it brings Python, which trains in the visitor's
    browser. Put DIRECTORY on any web host, or try it on this machine:

    \b
    glassgpt site public
    python3 -m http.server --directory public
    """
    found = read_data(data, way)
    write_site(directory, Source(found.name, tuple(found.documents), found.cut), address)
    files = [path for path in directory.rglob("*") if path.is_file()]
    size = sum(path.stat().st_size for path in files) / 1e6
    say(f"wrote {directory}: {len(files)} files, {size:.1f} MB")
    say(f"try it: python3 -m http.server --directory {directory}")
