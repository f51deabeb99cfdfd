"""Compare the numbers of two runs of a study, to the last digit.

    python benchmarks/same_numbers.py BEFORE AFTER [--except PATTERN …]

BEFORE and AFTER are folders such as results/smoke. Tables, JSON trees, HDF5 arrays and weights have
to be equal; pictures and pages are not compared. What differs between any two runs is left out:
times, logs, versions, digests of the source and records that quote them. The exit code is 1 where a
number differs or a file is missing.
"""

import argparse
import json
import sys
from fnmatch import fnmatch
from pathlib import Path

import h5py
import numpy as np

#: Folders and files of times, logs and records, whose contents depend on the run.
OF_THE_RUN = ("logs/*", "benchmarks/*", "timings/*", "provenance/*", "made_by/*", "*.html", "*.png")
#: Keys of JSON trees that quote times, versions or digests of the source.
KEYS_OF_THE_RUN = (
    *("seconds", "seconds_30000", "designs_per_second", "versions", "machine", "code_version"),
    *("source_digest", "source", "digest", "dataset_digest", "depends_on", "python", "platform"),
)


def without_run(tree: object) -> object:
    """Return a JSON tree without the keys that depend on the run."""
    if isinstance(tree, dict):
        return {k: without_run(v) for k, v in tree.items() if k not in KEYS_OF_THE_RUN}
    return [without_run(value) for value in tree] if isinstance(tree, list) else tree


def differences(before: object, after: object, path: str = "") -> list[str]:
    """List the places at which two JSON trees differ."""
    if isinstance(before, dict) and isinstance(after, dict):
        keys = dict.fromkeys([*before, *after])
        return [d for k in keys for d in differences(before.get(k), after.get(k), f"{path}.{k}")]
    if isinstance(before, list) and isinstance(after, list) and len(before) == len(after):
        pairs = enumerate(zip(before, after, strict=True))
        return [d for k, (b, a) in pairs for d in differences(b, a, f"{path}[{k}]")]
    return [] if before == after else [f"{path}: {before!r} → {after!r}"]


def arrays(path: Path) -> dict[str, np.ndarray]:
    """Read all arrays of an HDF5 file by their names."""
    found = {}
    with h5py.File(path) as file:
        file.visititems(
            lambda name, item: (
                found.update({name: item[()]}) if isinstance(item, h5py.Dataset) else None
            )
        )
    return found


def compare(before: Path, after: Path) -> list[str]:
    """List what differs between two files of the same name."""
    if before.suffix == ".json":
        trees = [
            without_run(json.loads(path.read_text(encoding="utf-8"))) for path in (before, after)
        ]
        return differences(*trees)
    if before.suffix == ".h5":
        old, new = arrays(before), arrays(after)
        return [
            f"array {name}"
            for name in dict.fromkeys([*old, *new])
            if name not in old or name not in new or not np.array_equal(old[name], new[name])
        ]
    return [] if before.read_bytes() == after.read_bytes() else ["contents"]


def main() -> None:
    """Print each difference, and how many files were compared."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("before", type=Path)
    parser.add_argument("after", type=Path)
    parser.add_argument("--except", dest="exceptions", nargs="*", default=[], metavar="PATTERN")
    given = parser.parse_args()

    left_out = (*OF_THE_RUN, *given.exceptions)
    names = {
        str(path.relative_to(folder))
        for folder in (given.before, given.after)
        for path in folder.rglob("*")
        if path.is_file() and not path.name.startswith(".")
    }
    names = sorted(name for name in names if not any(fnmatch(name, p) for p in left_out))
    if not names:
        raise SystemExit(f"{given.before}, {given.after}: no results; expected folders of a study.")

    off = 0
    for name in names:
        pair = given.before / name, given.after / name
        found = ["missing"] if not all(path.is_file() for path in pair) else compare(*pair)
        off += len(found)
        for difference in found[:5]:
            print(f"{name}: {difference}")
    print(f"{len(names)} files compared, {off} differences")
    sys.exit(off > 0)


if __name__ == "__main__":
    main()
