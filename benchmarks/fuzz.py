"""Mutated files for every reader: each has to end in InputError, one sentence that names the file,
or in success.

    python benchmarks/fuzz.py --inputs 1000000 --out docs/results/fuzz.json

Readers run in processes of their own with a limit on memory and on time; what does not answer is
ended and counted as a hang, what dies as a crash. The inputs are functions of the seed and their
number.
"""

import argparse
import json
import multiprocessing
import os
import re
import resource
import shutil
import signal
import tempfile
import time
import warnings
from collections import Counter
from dataclasses import replace
from pathlib import Path

import numpy as np

from trussmap.base.errors import InputError

#: Seconds that a reader may take, and bytes that it may ask for beyond what the process has.
SECONDS, MEMORY = 10, 512 << 20
TOKENS = [
    *(
        b"nan",
        b"inf",
        b"-inf",
        b"1e308",
        b"-1e308",
        b"1e-320",
        b"1e999",
        b"0",
        b"-1",
        b"9" * 23,
        b"1_0",
    ),
    *(
        b'"',
        b"'",
        b",",
        b";",
        b"\t",
        b"\n",
        b"\r\n",
        b"\0",
        b"[",
        b"]",
        b"{",
        b"}",
        b":",
        b"null",
        b"true",
        b"[]",
    ),
    *(
        b"\xff\xfe",
        b"\xef\xbb\xbf",
        "٣".encode(),
        "é".encode(),
        b"=1+1",
        b"C11",
        b"E1",
        b"name",
        b"-----",
    ),
    *(b"{}", b"[" * 2000),
]


def mutate(data: bytes, edits: list[tuple[int, float, int]]) -> bytes:
    """Data after edits (kind, place from 0 to 1, number): bits, bytes, cuts, copies, tokens, lines
    and numbers.
    """
    data = bytearray(data)
    for kind, place, number in edits:
        at = int(place * len(data))
        span = number % 64 + 1
        if kind == 0 and data:
            data[min(at, len(data) - 1)] ^= 1 << number % 8
        elif kind == 1 and data:
            data[min(at, len(data) - 1)] = number % 256
        elif kind == 2:
            del data[at : at + span]
        elif kind == 3:
            data[at:at] = data[at : at + span] * (1 + number % 3)
        elif kind == 4:
            data[at:at] = TOKENS[number % len(TOKENS)]
        elif kind == 5:  # a number becomes another
            end = at
            while end < len(data) and end < at + 30 and chr(data[end]) in "0123456789.eE+-":
                end += 1
            data[at:end] = TOKENS[number % 11]
        elif kind == 6:  # a line goes, or stands twice
            start = data.rfind(b"\n", 0, at) + 1
            end = data.find(b"\n", at) + 1 or len(data)
            data[start:end] = data[start:end] * (number % 3)
        elif kind == 7:
            del data[at:]
    return bytes(data)


def edits_of(random: np.random.Generator) -> list[tuple[int, float, int]]:
    """One to four edits; a file that is cut off is rarer."""
    kinds = random.choice(8, random.integers(1, 5), p=[0.15, 0.1, 0.15, 0.1, 0.2, 0.15, 0.1, 0.05])
    return [(int(kind), float(random.random()), int(random.integers(1 << 30))) for kind in kinds]


# ------------------------------------------------------------------------------------------------------------
# readers
def _catalogue(path, random):
    from trussmap.crystal.catalogue import take_catalogue
    from trussmap.crystal.labels import homogenize_catalogue, label_errors

    taken = take_catalogue(path)
    for sentence in [*taken.faults, *taken.notes]:
        if not _is_sentence(sentence, path):
            raise ValueError(f"no sentence that names the file: {sentence[:300]}")
    if random.random() < 0.05:
        density = [None, 0.01][random.integers(2)]
        labelled = [cell for cell in taken.cells if cell.compliance]
        for row in homogenize_catalogue(labelled, density, labelled=True)[0]:
            label_errors(row)
        homogenize_catalogue(taken.cells, density)


def _targets(path, random):
    from trussmap.targets.hints import described
    from trussmap.targets.orders import ORDERS, Layout
    from trussmap.targets.reading import read_targets
    from trussmap.tensors.material import Material

    order = list(ORDERS)[random.integers(len(ORDERS))]
    compliance = bool(random.random() < 0.2)
    modulus = [1.0, 114.0, 114000.0][random.integers(3)]
    unit = ["", "GPa", "kbar", "own"][random.integers(4)]
    material = Material(modulus, unit=unit)
    targets = read_targets(path, material, layout=Layout(order, compliance))
    if random.random() < 0.05:
        described(targets, material)


def _designs(path, random):
    from trussmap.data.tables import read_designs

    _, designs = read_designs(path, orthotropic_only=bool(random.integers(2)))
    if random.random() < 0.02:
        from trussmap.mechanics.homogenization import homogenize_designs

        homogenize_designs(designs)


def _published(path, random):
    from trussmap.data.tables import read_design_blocks

    for _ in read_design_blocks(path):
        pass


def _shard(path, random):
    from trussmap.data.dataset import read_shard

    read_shard(path)


def _dataset(path, random):
    from trussmap.data.dataset import open_dataset

    with open_dataset(path) as data:
        data.train.read()


def _model(path, random):
    from trussmap.learning.models import load_forward, write_record

    if path.suffix == ".json" and random.integers(2):  # as one writes who knows how
        try:
            record = json.loads(path.read_text(encoding="utf-8"))
            record.pop("digest")
            write_record(record, path)
        except (ValueError, AttributeError, KeyError, TypeError, RecursionError):
            path.unlink(missing_ok=True)
            path.write_bytes(b"{}")
    load_forward(path.parent)


def _study(path, random):
    from trussmap.learning.study import settings_of

    settings_of(path)


def _labelled(cell):
    """The cell with radii and compliances at two relative densities."""
    from trussmap.mechanics.homogenization import homogenize_cells
    from trussmap.tensors.stiffness import mandel_compliance

    thick = np.linspace(1, 2, len(cell.graph.struts))
    graph = replace(cell.graph, areas=thick**2)
    densities = (0.01, 0.0234567)
    return replace(
        cell,
        radii={density: graph.radii(density) for density in densities},
        compliance={
            density: mandel_compliance(homogenize_cells([graph], density, threads=1)[0])
            for density in densities
        },
    )


def _texts_of_matrices(matrix: np.ndarray) -> list[bytes]:
    """A matrix (6, 6) as programs write it: VASP, LaTeX, Mathematica, JSON, Abaqus, Octave, R and
    others.
    """
    from trussmap.tensors.stiffness import COMPONENTS, pack

    rows = [[f"{value:.4g}" for value in row] for row in matrix]
    blank = [" ".join(row) for row in rows]
    numbered = "\n".join(f"{k} {row}" for k, row in enumerate(blank, 1))
    vasp = "\n".join(
        f"{name} {row}"
        for name, row in zip(["XX", "YY", "ZZ", "XY", "YZ", "ZX"], blank, strict=True)
    )
    halves = ["\n".join(" ".join(row[cut]) for row in rows) for cut in (slice(0, 4), slice(4, 6))]
    bars = "\n".join(f"| {k} | {' | '.join(row)} |" for k, row in enumerate(rows))
    constants = dict(zip(COMPONENTS, map(float, pack(matrix)), strict=True))
    card = ", ".join(f"{value:.4g}" for value in pack(matrix))
    nested = matrix.tolist()
    texts = [
        f" TOTAL ELASTIC MODULI (kBar)\n Direction XX YY ZZ XY YZ ZX\n ------\n{vasp}\n ------\n",
        f" Elastic constants C_ij (Kbar)\n i j=  1 2 3 4 5 6\n{numbered}\n\n Compliances "
        f"(1/Mbar)\n{numbered}\n",
        "C = \\left[\\begin{array}{cccccc}\n"
        + "\\\\\n".join(map(" & ".join, rows))
        + "\n\\end{array}\\right]~\\text{GPa}\n",
        "c = {{" + "},\n{".join(map(", ".join, rows)) + "}} // MatrixForm\n",
        json.dumps(
            {"elastic_tensor": {"ieee_format": nested, "raw": nested}, "unit": "GPa"}, indent=1
        ),
        json.dumps([{"name": "a"} | constants, {"C": pack(matrix).tolist()}]),
        f"*MATERIAL, NAME=a\n*ELASTIC, TYPE=ANISOTROPIC\n{card}\n*ELASTIC\n1., 0.3, 20.\n0.9, "
        f"0.3, 40.\n"
        "*ELASTIC, TYPE=ENGINEERING CONSTANTS\n1., 2., 4., .1, .2, .3, .5, .6,\n.7\n",
        f"C =\n\n   1.0e-01 *\n\n Columns 1 through 4:\n\n{halves[0]}\n\n Columns 5 and "
        f"6:\n\n{halves[1]}\n",
        "  [,1] [,2] [,3] [,4] [,5] [,6]\n"
        + "\n".join(f"[{k},] {row}" for k, row in enumerate(blank, 1)),
        f"| | 0 | 1 | 2 | 3 | 4 | 5 |\n|---|---|---|---|---|---|---|\n{bars}\n",
        "\n".join(f"{row[0]} ± 0.1 " + "(2) ".join(row[1:]) + "(2)" for row in rows).replace(
            "-", "−"
        ),
        "\n".join(f"{name} = {value:.4g} GPa" for name, value in constants.items()),
        ",a,b\n"
        + "\n".join(f"{name},{value:.4g},{value:.4g}" for name, value in constants.items()),
        f"np.array({nested!r}, dtype=float)\nother = [" + "; ".join(blank) + "]\n",
    ]
    return [text.encode() for text in texts]


def corpus(folder: Path) -> list[tuple]:
    """(reader, what it is called, name of its file, contents, share of the inputs, folder of what
    stands beside it).
    """
    import pandas as pd
    from pandas import DataFrame

    from trussmap.crystal.catalogue import write_catalogue
    from trussmap.crystal.generate import generate_catalogue
    from trussmap.data.dataset import merge_shards, write_shard
    from trussmap.lattice.descriptor import DESIGN_COLUMNS, sample_designs
    from trussmap.learning.models import pretrained, read_record, save_network
    from trussmap.learning.registry import network_class
    from trussmap.mechanics.homogenization import homogenize_designs
    from trussmap.tensors.stiffness import COMPONENTS, ORTHOTROPIC_INDEX

    folder.mkdir(parents=True, exist_ok=True)
    designs = sample_designs(5, 0, 30)
    stiffness = homogenize_designs(designs)
    write_shard(
        folder / "s.h5", designs, stiffness[:, ORTHOTROPIC_INDEX], stiffness, settings={"seed": 5}
    )
    shares = {"validation_share": 0.2, "test_share": 0.2}
    merge_shards([folder / "s.h5"], folder / "d.h5", shares, {"seed": 5})
    cells = generate_catalogue(2, 1, threads=1)
    write_catalogue(cells, folder / "c.lat", "made to be damaged")
    write_catalogue([_labelled(cell) for cell in cells], folder / "mandel.lat")
    voigt = (folder / "mandel.lat").read_text().replace(" (Mandel)", "")
    tesselation = re.compile(r"(?<=vectors\n)(-?\d+ -?\d+ -?\d+\n)+")
    six = tesselation.sub(lambda rows: re.sub("(?m)^(?=.)", "0 0 0 ", rows[0]), voigt)
    (folder / "voigt.lat").write_text(six)
    table = DataFrame(designs[:4], columns=DESIGN_COLUMNS).astype(
        {f"lattice_type{k}": int for k in (1, 2, 3)}
    )
    table.to_csv(folder / "t.csv", index=False)
    table.to_parquet(folder / "t.parquet")
    bone = pd.read_csv(
        Path(__file__).parents[1] / "resources" / "bone_targets_gpa.csv", comment="#"
    )
    bone[:2].to_csv(folder / "b.csv", index=False)
    bone[:1].to_excel(folder / "b.xlsx", index=False)
    matrix = np.zeros((6, 6))
    matrix[np.triu_indices(6)] = bone[COMPONENTS].to_numpy()[0]
    matrix = np.maximum(matrix, matrix.T)
    np.savetxt(folder / "m.csv", matrix, "%.6g")
    (folder / "e.csv").write_text(
        "name,E1,E2,E3,G23,G13,G12,nu12,nu13,nu23\na,1,2,3,.5,.6,.7,.1,.2,.3\n,2,2,2,.5,.6,.7,0,0,0\n"
    )
    (folder / "i.csv").write_text("name;E;nu\na;1,5;0,3\nb;2,5;0,2\n")
    record = {"model": "polar/forward", "depends_on": {}, "precision": "float32"}
    architecture = read_record(pretrained() / "forward.json")["architecture"] | {"hidden": [4]}
    network = network_class("polar", "forward")(**architecture)
    save_network(network, record | {"architecture": network.config}, folder / "forward.safetensors")
    (folder / "study.json").write_text(
        json.dumps({"model": {"architecture": "polar"}, "poisson_ratio": 0.3})
    )
    whole = lambda name: (folder / name).read_bytes()  # noqa: E731
    with pd.ExcelWriter(folder / "w.xlsx") as book:
        DataFrame({"note": ["next"]}).to_excel(book, sheet_name="about", index=False)
        DataFrame(matrix).to_excel(book, sheet_name="moduli", startrow=1)
    tables = [whole(name) for name in ("b.csv", "m.csv", "e.csv", "i.csv")]
    texts = _texts_of_matrices(matrix)
    return [
        (
            _catalogue,
            "catalogues",
            "x.lat",
            [*map(whole, ("c.lat", "mandel.lat", "voigt.lat"))],
            0.2,
            [],
        ),
        (_targets, "targets, tables", "x.csv", tables, 0.13, []),
        (_targets, "targets, programs", "x.txt", texts, 0.14, []),
        (_targets, "targets, workbooks", "x.xlsx", [whole("b.xlsx"), whole("w.xlsx")], 0.02, []),
        (_designs, "designs, CSV", "x.csv", [whole("t.csv")], 0.2, []),
        (_designs, "designs, Parquet", "x.parquet", [whole("t.parquet")], 0.06, []),
        (_published, "published designs", "x.csv", [whole("t.csv")], 0.05, []),
        (_shard, "shards", "x.h5", [whole("s.h5")], 0.07, []),
        (_dataset, "data sets", "x.h5", [whole("d.h5")], 0.05, []),
        (
            _model,
            "records of networks",
            "forward.json",
            [whole("forward.json")],
            0.02,
            ["forward.safetensors"],
        ),
        (
            _model,
            "weights",
            "forward.safetensors",
            [whole("forward.safetensors")],
            0.03,
            ["forward.json"],
        ),
        (_study, "settings of studies", "study.json", [whole("study.json")], 0.03, []),
    ]


# ------------------------------------------------------------------------------------------------------------
# running
def outcome(reader, path: Path, random: np.random.Generator) -> str:
    """``read``, ``InputError``, or what else a reader ends in, a warning on the screen included."""
    with warnings.catch_warnings(record=True) as warned:
        warnings.simplefilter("always")
        found = _ending(reader, path, random)
    if warned and found in ("read", "InputError"):
        first = warned[0]
        return f"{first.category.__name__} at {Path(first.filename).name}:{first.lineno}: {str(first.message)[:200]}"
    return found


def _ending(reader, path, random):
    try:
        reader(path, random)
    except InputError as error:
        if not _is_sentence(str(error), path):
            return f"no sentence that names the file: {str(error)[:300]}"
        return "InputError"
    except BaseException as error:
        frame = error.__traceback__
        while frame.tb_next:
            frame = frame.tb_next
        where = f"{Path(frame.tb_frame.f_code.co_filename).name}:{frame.tb_lineno}"
        return f"{type(error).__name__} at {where}: {str(error)[:200]}"
    return "read"


def _is_sentence(text, path):
    return "\n" not in text and len(text) <= 2000 and text.endswith(".") and path.stem in text


def _work(folder, seed, numbers, progress, results, memory):
    os.nice(10)
    parts = corpus(folder / "corpus")
    warm = np.random.default_rng(0)
    for reader, _, name, contents, *_ in parts:  # what is loaded once does not count
        (folder / "corpus" / f"warm-{name}").write_bytes(contents[0])
        outcome(reader, folder / "corpus" / f"warm-{name}", warm)
    if memory:
        used = (
            int(Path("/proc/self/statm").read_text(encoding="utf-8").split()[0])
            * resource.getpagesize()
        )
        resource.setrlimit(resource.RLIMIT_AS, (used + memory, used + memory))

    def late(*_):
        raise TimeoutError(f"{SECONDS} s are over")

    signal.signal(signal.SIGALRM, late)
    shares = np.cumsum([part[4] for part in parts])
    counts, own = Counter(), folder / f"own-{os.getpid()}"
    own.mkdir()
    for number in numbers:
        progress.value = number
        random = np.random.default_rng([seed, number])
        reader, label, name, contents, _, beside = parts[
            min(int(np.searchsorted(shares, random.random())), len(parts) - 1)
        ]
        for other in beside:
            shutil.copy(folder / "corpus" / other, own / other)
        content = contents[random.integers(len(contents))]
        data = mutate(content, edits_of(random))
        (own / name).write_bytes(data)
        signal.alarm(SECONDS)
        found = outcome(reader, own / name, random)
        signal.alarm(0)
        if found == "read" and data != content and label in ("shards", "data sets", "weights"):
            found = "damaged, but read"
        counts[label, found] += 1
        if number % 1000 == 0:
            results.put(dict(counts))
            counts.clear()
    results.put(dict(counts))
    progress.value = -1


def run(inputs: int, seed: int, first: int = 0, processes: int = 1, memory: int = MEMORY) -> dict:
    """{reader: {outcome: count}} of so many inputs."""
    context = multiprocessing.get_context("spawn")
    total = Counter()
    with tempfile.TemporaryDirectory() as folder:
        workers = []
        queue = context.Queue()

        def start(numbers):
            own = Path(tempfile.mkdtemp(dir=folder))
            progress = context.Value("q", -2)
            process = context.Process(
                target=_work, args=(own, seed, numbers, progress, queue, memory)
            )
            process.start()
            workers.append([process, progress, numbers, time.monotonic(), -2])

        for k in range(processes):
            start(range(first + k, first + inputs, processes))
        while workers:
            time.sleep(0.2)
            while not queue.empty():
                total.update(queue.get())
            for worker in list(workers):
                process, progress, numbers, since, last = worker
                if progress.value != last:
                    worker[3:] = time.monotonic(), progress.value
                hangs = last >= 0 and time.monotonic() - since > 3 * SECONDS
                if process.is_alive() and not hangs:
                    continue
                if hangs:
                    process.kill()
                process.join()
                workers.remove(worker)
                at = progress.value
                if at != -1:  # it died or hung over this input
                    if at < 0:
                        raise RuntimeError("a worker did not start")
                    total[
                        "lost",
                        "hang"
                        if hangs
                        else f"crash, signal {-(process.exitcode or 0)}: input {at}",
                    ] += 1
                    rest = [n for n in numbers if n > at]
                    if rest:
                        start(rest if isinstance(rest, range) else list(rest))
        while not queue.empty():
            total.update(queue.get())
    tree = {}
    for (label, found), count in sorted(total.items()):
        tree.setdefault(label, {})[found] = count
    return tree


if __name__ == "__main__":
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--inputs", type=int, default=20_000)
    parser.add_argument("--first", type=int, default=0)
    parser.add_argument("--seed", type=int, default=2022)
    parser.add_argument("--processes", type=int, default=1)
    parser.add_argument("--out", type=Path)
    given = parser.parse_args()
    begun = time.monotonic()
    found = run(given.inputs, given.seed, given.first, given.processes)
    print(json.dumps(found, indent=2, ensure_ascii=False))
    counted = sum(sum(of.values()) for of in found.values())
    print(f"{counted:,} inputs in {time.monotonic() - begun:.0f} s")
    if given.out:
        text = json.dumps(
            {"inputs": counted, "seed": given.seed, "outcomes": found}, indent=2, ensure_ascii=False
        )
        given.out.write_text(text + "\n", encoding="utf-8")
