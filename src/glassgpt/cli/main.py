"""The command `glassgpt`: its subcommands, error messages and exit codes.

Exit codes: 0 success, 1 an error (with a message on stderr) or a closed pipe (without one), 130
Ctrl-C.
"""

from __future__ import annotations

import errno
import io
import sys
from importlib import import_module
from typing import Any

import click
from click.shell_completion import get_completion_class

from glassgpt import __version__
from glassgpt.cli.page import open_page, page_options
from glassgpt.cli.terminal import abandon, prepare_streams, say, say_error
from glassgpt.errors import GlassError

COMMANDS = {  # name: module, function; imported when called, as all together take a while
    "train": ("glassgpt.cli.train", "train"),
    "sample": ("glassgpt.cli.sample", "sample"),
    "inspect": ("glassgpt.cli.inspect", "inspect"),
    "explain": ("glassgpt.cli.explain", "explain_command"),
    "open": ("glassgpt.cli.page", "open_directory"),
    "site": ("glassgpt.cli.site", "site"),
    "sweep": ("glassgpt.cli.sweep", "sweep"),
    "bench": ("glassgpt.cli.bench", "bench"),
    "verify": ("glassgpt.cli.verify", "verify"),
}
GONE = (errno.EPIPE, errno.EIO)  # the output is closed: a pipe, a terminal


class Commands(click.Group):
    """The commands of the table above, in addition to those defined here."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the names in the table's order."""
        return [*COMMANDS, *super().list_commands(ctx)]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import a command and return it."""
        if cmd_name not in COMMANDS:
            return super().get_command(ctx, cmd_name)
        module, function = COMMANDS[cmd_name]
        command: click.Command = getattr(import_module(module), function)
        return command


@click.group(
    cls=Commands,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    invoke_without_command=True,
)
@click.version_option(__version__, prog_name="glassgpt")
@page_options
@click.pass_context
def cli(
    context: click.Context, /, data: str | None, way: str | None, no_open: bool, **options: Any
) -> None:
    """A tiny GPT made of glass: watch it learn, train it, sample from it, look inside.

    \b
    glassgpt                           watch it learn, on a page in the browser
    glassgpt train                     train on the built-in names and print new ones
    glassgpt train poems.txt --out run train on your own text and keep the model
    glassgpt sample run --probs        draw more, and see how sure it was of each letter
    glassgpt inspect run               the model's matrices, and how good its loss is
    glassgpt explain run --doc emma    any number in it, and what it is computed from
    glassgpt open run                  that run on the page
    glassgpt site public               the page as static files, for any web host
    glassgpt sweep --seeds 20          how much of a result is luck
    glassgpt bench                     how fast it is on this machine
    glassgpt verify                    whether the numbers are right
    """
    if context.invoked_subcommand is None:
        open_page(data, way, no_open, **options)


@cli.command()
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
def completion(shell: str) -> None:
    """Print the completion script of a SHELL.

    \b
    bash: eval "$(glassgpt completion bash)"        (in ~/.bashrc)
    zsh:  eval "$(glassgpt completion zsh)"         (in ~/.zshrc)
    fish: glassgpt completion fish | source         (in config.fish)
    """
    kind = get_completion_class(shell)
    assert kind is not None, shell
    say(kind(cli, {}, "glassgpt", "_GLASSGPT_COMPLETE").source())


def main() -> None:
    """Run the command line and exit."""
    sys.exit(run())


def run(arguments: list[str] | None = None) -> int:
    """Run the command line with `arguments` (those of the process) and return the exit code."""
    prepare_streams()
    try:
        code = cli.main(arguments, prog_name="glassgpt", standalone_mode=False)
        if sys.stdout is not None:  # a shell may close it: >&-
            sys.stdout.flush()
    except click.ClickException as error:
        say_error(_shown(error))
        return 1
    except GlassError as error:
        say_error(f"error: {error}")
        return 1
    except (click.Abort, KeyboardInterrupt):
        return 130
    except SystemExit as error:  # click's answer to a closed pipe
        abandon(sys.stdout)
        return error.code if isinstance(error.code, int) else 1
    except MemoryError:
        say_error("error: there is not enough memory for this\nhint: choose smaller sizes")
        return 1
    except OSError as error:
        abandon(sys.stdout)
        if error.errno not in GONE:
            say_error(f"error: the output cannot be written: {error.strerror}")
        return 1
    return code if isinstance(code, int) else 0


def _shown(error: click.ClickException) -> str:
    text = io.StringIO()
    error.show(text)
    return text.getvalue().rstrip()
