"""Designs that are written as they come: a run that was stopped goes on to the same files."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from trussmap import cli
from trussmap.base.errors import InputError
from trussmap.base.resume import FOLDER, Partial, stoppable
from trussmap.designs.table import Brief, lattices_of
from trussmap.designs.writing import Files, write_batches
from trussmap.lattice.descriptor import DESIGN_COLUMNS, sample_designs
from trussmap.mechanics.homogenization import homogenize_designs
from trussmap.search.design import Batch
from trussmap.targets.goal import Goal, Targets
from trussmap.tensors.material import Material
from trussmap.tensors.stiffness import COMPONENTS

PROGRAM = Path(sys.executable).with_name("trussmap")
SETTINGS = {"--draws": "20", "targets": "0" * 64}


@pytest.fixture(scope="module")
def chunks():
    """Designs for four targets in chunks of two, as of `design_chunks`."""
    designs = sample_designs(21, 0, 4)
    table = pd.DataFrame(designs, columns=DESIGN_COLUMNS).assign(relative_error=0.0)
    table[COMPONENTS] = homogenize_designs(designs)
    table.insert(0, "target", [1, 2, 3, 4])
    table.insert(1, "rank", 1)
    return [(2, table[:2]), (4, table[2:].reset_index(drop=True))]


def write(chunks, partial, stiffness):
    """Write chunks of designs as the command does."""
    names = ["NA", "001", "a,b", "c"]
    brief = Brief(Targets(Goal(stiffness), names), Material(100.0))
    batches = (Batch(done, table, lattices_of(table)) for done, table in chunks)
    write_batches(batches, brief, partial.out, Files(in_units=True), partial)


def stiffness_of(chunks):
    """Stiffnesses of all designs, which count as targets."""
    return np.concatenate([table[COMPONENTS].to_numpy() for _, table in chunks])


def written(chunks, out, settings=SETTINGS):
    """Write what is not complete yet; return the number and the note of what was."""
    partial = Partial(out, settings)
    done = partial.done
    write([chunk for chunk in chunks if chunk[0] > done], partial, stiffness_of(chunks))
    return done, partial.note


def stop(chunks, out, count=1, settings=SETTINGS):
    """Write the first chunks and stop the run in the next one."""

    def come():
        yield from chunks[:count]
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write(come(), Partial(out, settings), stiffness_of(chunks))


def files(folder):
    """Contents of all files below a folder, by name."""
    paths = [path for path in folder.rglob("*") if path.is_file()]
    return {str(path.relative_to(folder)): path.read_bytes() for path in paths}


@pytest.fixture
def whole(tmp_path, chunks):
    """Files of a run that nothing stops."""
    assert written(chunks, tmp_path / "whole") == (0, "")
    return files(tmp_path / "whole")


def test_a_stopped_run_goes_on_and_ends_with_the_same_files(tmp_path, chunks, whole):
    out = tmp_path / "out"
    stop(chunks, out)
    assert [*files(out / FOLDER)].count("designs.csv") == 1
    assert not (out / "designs.csv").exists()
    assert pd.read_csv(out / FOLDER / "designs.csv")["target"].tolist() == [1, 2]

    # A process that is killed writes part of the next chunk.
    with open(out / FOLDER / "designs.csv", "a", encoding="utf-8") as file:
        file.write("3,c,1,0.0")
    for name in ("target3_rank1_nodes.csv", ".target3_rank1-x.csv"):
        (out / FOLDER / "lattices" / name).write_text("half")

    assert written(chunks, out) == (2, "")
    assert files(out) == whole


def test_a_chunk_without_designs_is_complete_too(tmp_path, chunks, whole):
    stop(chunks, tmp_path / "out")
    later = [(3, chunks[1][1][:0]), chunks[1]]
    write(later, Partial(tmp_path / "out", SETTINGS), stiffness_of(chunks))
    assert files(tmp_path / "out") == whole


def test_nothing_is_left_where_no_target_is_complete(tmp_path, chunks):
    stop(chunks, tmp_path / "out", count=0)
    assert not (tmp_path / "out").exists()


def test_another_command_starts_anew_and_says_what_differs(tmp_path, chunks, whole):
    out = tmp_path / "out"
    stop(chunks, out)
    done, note = written(chunks, out, SETTINGS | {"--draws": "30", "targets": "1" * 64})
    assert done == 0
    assert "of another command (--draws 20, now 30, other targets): starting anew" in note
    assert files(out) == whole


@pytest.mark.parametrize(
    ("name", "content", "says"),
    [
        ("designs.csv", b"1", "was altered"),
        ("state.json", b"{", "is damaged"),
        ("state.json", b"[]", "is damaged"),
    ],
)
def test_what_cannot_be_relied_on_is_made_again(tmp_path, chunks, whole, name, content, says):
    out = tmp_path / "out"
    stop(chunks, out)
    path = out / FOLDER / name
    path.write_bytes(content + path.read_bytes()[1:] if name == "designs.csv" else content)
    done, note = written(chunks, out)
    assert done == 0 and says in note
    assert files(out) == whole


def test_a_lattice_that_is_missing_is_made_again(tmp_path, chunks, whole):
    out = tmp_path / "out"
    stop(chunks, out)
    (out / FOLDER / "lattices" / "target1_rank1_struts.csv").unlink()
    done, note = written(chunks, out)
    assert done == 0 and "was altered" in note
    assert files(out) == whole


@pytest.mark.parametrize("survived", [0, 1, 5, 12])
def test_a_run_killed_while_files_move_is_completed(tmp_path, chunks, whole, monkeypatch, survived):
    """No table is there before all its lattices are."""
    out = tmp_path / "out"
    written([(1, chunks[0][1][:1])], out)
    calls = []
    rename = Path.rename

    def cut_off(*arguments):
        calls.append(arguments)
        if len(calls) > survived:
            raise KeyboardInterrupt
        return rename(*arguments)

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(Path, "rename", cut_off)
        written(chunks, out)
    assert not (out / "designs.csv").exists()
    assert written(chunks, out) == (4, "")
    assert files(out) == whole


def test_results_of_a_former_run_remain_until_the_next_is_complete(tmp_path, chunks, whole):
    out = tmp_path / "out"
    written(chunks, out)
    stop(chunks, out, settings=SETTINGS | {"--draws": "30"})
    left = files(out)
    assert {name: left[name] for name in left if not name.startswith(FOLDER)} == whole


def test_two_runs_into_one_folder_are_refused(tmp_path, chunks):
    with (
        Partial(tmp_path / "out"),
        pytest.raises(
            InputError, match=rf"out: another run \(process {os.getpid()}\) writes there"
        ),
    ):
        Partial(tmp_path / "out")
    Partial(tmp_path / "out")


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_ends_with_one_sentence(capsys, number, code):
    with pytest.raises(SystemExit) as end, stoppable(lambda: "The same command goes on."):
        os.kill(os.getpid(), number)
        time.sleep(10)
    assert (end.value.code or 0) == code
    assert capsys.readouterr().err == "Interrupted. The same command goes on.\n"
    assert signal.getsignal(signal.SIGTERM) == signal.SIG_DFL


def test_design_goes_on_after_a_kill_and_after_a_signal(tmp_path, monkeypatch, capsys):
    """One run is killed in the second of two chunks, and the next is interrupted there."""
    stiffness = homogenize_designs(sample_designs(5, 0, 60))
    pd.DataFrame(stiffness, columns=COMPONENTS).to_csv(tmp_path / "t.csv")
    monkeypatch.chdir(tmp_path)
    command = [
        "trussmap",
        "design",
        "t.csv",
        "--youngs-modulus",
        "1",
        "--refine",
        "none",
        "--keep",
        "1",
    ]
    command += ["--draws", "10", "--topologies", "0,1,2,3"]

    def run(out, code=0):
        monkeypatch.setattr(sys, "argv", [*command, "--out", out])
        with pytest.raises(SystemExit) as end:
            cli.main()
        assert (end.value.code or 0) == code
        return capsys.readouterr()

    process = [str(PROGRAM), *command[1:], "--out", "out"]
    with subprocess.Popen(process, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as killed:
        wait_for(killed, lambda: (tmp_path / "out" / FOLDER / "state.json").exists())
        killed.kill()
    assert killed.returncode == -signal.SIGKILL

    with monkeypatch.context() as patch:
        patch.setattr(Partial, "append", lambda *arguments: os.kill(os.getpid(), signal.SIGINT))
        stopped = run("out", code=130)
    assert "going on after target 50 of 60" in stopped.out and "50/60" in stopped.err
    says = f"Interrupted. 50 targets are complete in out/{FOLDER}; the same command goes on from there."
    assert stopped.err.splitlines()[-1] == says

    said = run("out")
    assert "going on after target 50 of 60" in said.out
    once = run("once")
    assert "60/60" in once.err
    assert said.out.partition("60\n")[2] == once.out.partition("more\n")[2].replace("once", "out")
    assert files(tmp_path / "out") == files(tmp_path / "once")


def wait_for(process, condition, seconds=300):
    """Wait until a condition holds while a process runs."""
    end = time.monotonic() + seconds
    while not condition():
        assert process.poll() is None and time.monotonic() < end
        time.sleep(0.01)
