"""The application of all commands, and how a command takes its options as one object."""

import sys
from collections.abc import Callable
from dataclasses import MISSING, fields
from functools import wraps
from inspect import Parameter, Signature
from typing import Annotated, Any, TypeVar, get_type_hints

import typer

from trussmap import __version__
from trussmap.base.console import never_fail_to_print
from trussmap.base.errors import InputError

Options = TypeVar("Options")

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)


def main() -> None:
    """Run the command `trussmap`: InputError ends it with one sentence and exit code 2."""
    never_fail_to_print()
    try:
        app()
    except InputError as error:
        print(f"Error: {error}", file=sys.stderr)
        sys.exit(2)
    except OSError as error:  # a full disk, a folder that was taken away
        print(f"Error: {error.filename or 'files'}: {error.strerror or error}.", file=sys.stderr)
        sys.exit(2)


def takes(options: type[Options]) -> Callable[[Callable[[Options], None]], Callable[..., None]]:
    """Make a command of a function of one object, whose fields are its options.

    ``options`` is a dataclass with fields annotated for typer.
    """
    hints = get_type_hints(options, include_extras=True)
    parameters = [
        Parameter(
            field.name,
            Parameter.KEYWORD_ONLY,
            default=Parameter.empty if field.default is MISSING else field.default,
            annotation=hints[field.name],
        )
        for field in fields(options)  # type: ignore[arg-type]  # a dataclass, which no type says
    ]

    def decorate(function: Callable[[Options], None]) -> Callable[..., None]:
        @wraps(function)
        def command(**given: Any) -> None:
            function(options(**given))

        # typer reads both.
        command.__dict__["__signature__"] = Signature(parameters)
        command.__annotations__ = hints
        return command

    return decorate


def _print_version(wish: bool) -> None:
    """Print the version and exit if it is wished for."""
    if wish:
        print(f"trussmap {__version__}")
        raise typer.Exit


@app.callback()
def trussmap(
    version: Annotated[
        bool,
        typer.Option(
            "--version", callback=_print_version, is_eager=True, help="Show the version and exit."
        ),
    ] = False,
) -> None:
    """From a stiffness tensor to truss lattices that have it.

    Stiffness is in Voigt order 11, 22, 33, 23, 13, 12 with engineering shear strains.
    """
