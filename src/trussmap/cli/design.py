"""`trussmap design`: read targets, request, search, designs, write."""

import sys
from dataclasses import fields, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import typer

from trussmap.base.errors import InputError
from trussmap.cli.commands import app, takes
from trussmap.cli.options import DesignOptions, numbers_of, region_of, stress_of
from trussmap.tensors.stiffness import POISSON_RATIO

if TYPE_CHECKING:
    from trussmap.designs.table import Brief
    from trussmap.designs.writing import Files
    from trussmap.search.request import Search
    from trussmap.targets.goal import Targets
    from trussmap.tensors.material import Material


@app.command()
@takes(DesignOptions)
def design(options: DesignOptions) -> None:
    """Lattices that have a given stiffness, best first, each verified by finite elements.

    Constants may be left empty (free), given with deviations (C11_sd …), or as E1, E2, E3, G23 …
    nu23.

    Exit code 0: all targets designed for; 1: some rows could not be read and were skipped;
    2: nothing written; 130 and 143: stopped by Ctrl-C or SIGTERM. The same command then goes on
    where it stopped, also after kill -9.
    """
    options.check()
    brief, search = _brief(options)
    # Checks come before the networks' libraries are loaded, which takes seconds.
    from trussmap.designs.writing import check_designs_folder, write_batches
    from trussmap.search.design import check_effort
    from trussmap.search.design import design as batches_of

    check_effort(search, brief.request, brief.targets.goal)
    files = _files(options, brief, search)
    check_designs_folder(options.out, files.pages is not None)
    from trussmap.base.resume import Partial, stoppable
    from trussmap.learning.study import load_models
    from trussmap.mechanics.solver import Solver

    networks, trained = load_models(options.study_folder)
    _print_inputs(brief, trained, search)
    partial = Partial(options.out, _decisive(options, brief.targets))
    if partial.done or partial.note:
        count = len(brief.targets)
        print(partial.note or f"going on after target {partial.done} of {count}")
    with stoppable(partial.words):
        goal = brief.targets.goal
        solver = Solver(brief.material)
        batches = batches_of(goal, networks, solver, search, brief.request, partial.done)
        write_batches(batches, brief, options.out, files, partial)
    _print_results(options, brief, search)
    if faults := brief.targets.faults:
        print(f"Error: {len(faults)} of the targets skipped, named above.", file=sys.stderr)
        raise typer.Exit(1)


def _brief(options: DesignOptions) -> "tuple[Brief, Search]":
    """Targets, material, request and loads of the options, and how to search."""
    from trussmap.designs.strength import Loads
    from trussmap.designs.table import Brief
    from trussmap.search.request import RequestSettings, Search, request_of
    from trussmap.targets.goal import closeness_kind
    from trussmap.targets.orders import Layout
    from trussmap.targets.reading import read_targets

    stress = stress_of(options.load)
    closeness = closeness_kind(options.closeness, "--closeness")
    material = _material(options)
    layout = Layout(options.order, options.compliance, options.worksheet)
    settings: Any = {
        name: getattr(options, name)
        for name in RequestSettings.__annotations__
        if hasattr(options, name)
    }
    settings["topologies"] = numbers_of(options.topologies)

    targets = read_targets(options.targets, material, closeness, layout)
    for fault in targets.faults:
        print(f"Skipped: {fault}", file=sys.stderr)
    material = replace(material, unit=material.unit or targets.unit)
    request = request_of(settings, options.cell_size_mm)
    loads = Loads(None if stress is None else np.array(stress), options.buckling_length)
    search = Search(options.refine, options.draws, options.temperature, options.keep, options.seed)
    return Brief(targets, material, request, loads), search


def _material(options: DesignOptions) -> "Material":
    """Base material; Poisson's ratio is that of the study where none is given."""
    from trussmap.tensors.material import Material

    ratio = options.poisson_ratio
    if ratio is None and options.study:
        from trussmap.learning.study import trained_poisson_ratio

        ratio = trained_poisson_ratio(options.study_folder)
    ratio = POISSON_RATIO if ratio is None else ratio
    return Material(options.youngs_modulus, ratio, options.yield_stress, options.unit)


def _files(options: DesignOptions, brief: "Brief", search: "Search") -> "Files":
    """Files that are written for each lattice: parts, pictures and pages where the size is known."""
    from trussmap.designs.writing import Files

    filled = options.box is not None or options.shape is not None
    if options.cell_size_mm is None:
        if filled:
            raise InputError(
                "--box and --shape need the size of the cells: expected --cell-size-mm as well."
            )
        return Files(in_units=True)
    region = region_of(options.box, options.shape) if filled else None
    from trussmap.figures.cell import plot
    from trussmap.report.design import pages_of

    return Files(region, options.block, plot, pages_of(brief, search), in_units=True)


def _print_inputs(brief: "Brief", trained: float, search: "Search") -> None:
    """Print how the targets were read, and where the networks know another material."""
    from trussmap.targets.hints import described

    ratio = brief.material.poisson_ratio
    if ratio != trained:
        verbs = "judge" if search.effort == "none" else "refine and judge"
        print(
            f"the networks were trained at Poisson's ratio {trained:g}: they propose for it, "
            f"the finite elements {verbs} at {ratio:g}"
        )
    print("\n".join(described(brief.targets, brief.material)))


def _print_results(options: DesignOptions, brief: "Brief", search: "Search") -> None:
    """Print the best lattices of the first targets, and a line on all."""
    from trussmap.designs.table import read_designs_csv, rows_of
    from trussmap.designs.terminal import result_lines, summary_line
    from trussmap.designs.writing import MOST_LATTICES
    from trussmap.search.request import lattices_missing

    written = options.out / "designs.csv"
    first = read_designs_csv(written, rows=search.keep * MOST_LATTICES)
    for row in rows_of(first):
        if row["rank"] == 1 and row["target"] <= MOST_LATTICES:
            print(result_lines(row))
    table = read_designs_csv(written, ("target", "rank", "relative_error_percent"))
    count = len(brief.targets)
    if count > MOST_LATTICES:
        print(summary_line(table))
    whole = table["target"].nunique() == count
    least = int(table.groupby("target").size().min()) if whole else 0
    if words := lattices_missing(least, search, brief.request):
        print(words)
    index = options.out / "index.html"
    pages = f"; to look at: {index}" if options.cell_size_mm is not None else ""
    print(f"written: {written}, {len(table)} lattices{pages}")


def _decisive(options: DesignOptions, targets: "Targets") -> dict[str, str]:
    """All that decides the results, by name.

    By it a run recognizes what one that was stopped has completed.
    """
    from trussmap.base.cache import digest
    from trussmap.base.io import file_digest
    from trussmap.base.provenance import source_digest
    from trussmap.learning.models import pretrained

    goal = vars(targets.goal).items()
    arrays = {name: value for name, value in goal if isinstance(value, np.ndarray)}
    study = options.study_folder
    decisive = {
        "targets": digest(arrays),
        "names": digest({"names": np.array(targets.names)}),
        "networks": file_digest(study / "models" if study else pretrained()),
        "version of trussmap": source_digest("trussmap.cli.design"),
    }
    if options.shape:
        decisive["shape"] = file_digest(options.shape)
    others = {field.name for field in fields(options)} - {"targets", "out", "study", "shape"}
    return decisive | {
        f"--{name.replace('_', '-')}": str(getattr(options, name)) for name in sorted(others)
    }
