"""`trussmap audit` and `export-crate`: a finished study for reviewers."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer

from trussmap.base.errors import InputError
from trussmap.cli.commands import app, takes


@dataclass(frozen=True)
class AuditOptions:
    """Options of `trussmap audit`."""

    study: Annotated[
        Path | None, typer.Argument(help="Folder of a finished study, such as results/smoke.")
    ] = None
    sample: Annotated[
        int, typer.Option(min=1, help="Designs of each kind to homogenize by the plain solver.")
    ] = 24
    seed: Annotated[int, typer.Option(min=0, help="Of the choice of these.")] = 0
    quoted: Annotated[
        Path | None, typer.Option(help="Numbers that README quotes: docs/results/laptop.json.")
    ] = None
    published: Annotated[
        Path | None,
        typer.Option(
            help="The authors' training.csv (doi 10.3929/ethz-b-000520254) to hold against finite "
            "elements."
        ),
    ] = None


@app.command()
@takes(AuditOptions)
def audit(options: AuditOptions) -> None:
    """Check a finished study again: files, designs, networks, numbers, report.

    The exit code is 1 where anything is off. Run it in the folder of the Snakefile, whose resources
    are then compared too.
    """
    from trussmap.review.audit import audit, check_quoted, compare_published, outcome

    study = options.study
    if study is None and options.published is None:
        raise InputError(
            "expected the folder of a study, or --published with the authors' training file."
        )
    if options.published is not None:
        print(compare_published(options.published))
    if study is None:
        return
    project = Path.cwd() if Path("Snakefile").is_file() else None
    tree = audit(study, options.sample, options.seed, project)
    if options.quoted is not None:
        tree["checks"].append(check_quoted(options.quoted, study))
        tree["mismatches"] += len(tree["checks"][-1]["off"])
    print(outcome(tree))
    if tree["mismatches"]:
        raise typer.Exit(1)


@app.command()
def export_crate(
    study: Annotated[
        Path, typer.Argument(help="Folder of a finished study, such as results/smoke.")
    ],
    out: Annotated[Path, typer.Option(help="Folder to write, which is not there yet.")],
) -> None:
    """Write a study for reviewers as a Workflow Run RO-Crate: files, what made them, the source.

    Run it in the folder of the Snakefile. It needs `pip install trussmap[study]`.
    """
    from trussmap.review.crate import write_crate

    print(f"written: {out / 'ro-crate-metadata.json'}, {write_crate(study, out, Path.cwd())} files")
