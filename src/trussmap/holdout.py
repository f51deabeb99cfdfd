"""Topologies that networks never learned from: how well they are predicted, and their stiffness met with others.

Only `polar` networks are measured; the forward one sees a topology by what it is made of (14 zeros and ones) and by a
vector of its own that it learns, which for a topology that was held out stays what it was at random.
"""

from collections.abc import Mapping
from pathlib import Path

import numpy as np

from trussmap.dataset import open_dataset
from trussmap.homogenization import homogenize_designs
from trussmap.lattice.compound import topology_members
from trussmap.lattice.descriptor import design_topology
from trussmap.learning.models import load_forward, load_network, load_parents
from trussmap.measures import r_squared, relative_error
from trussmap.refinement import refine_designs
from trussmap.streams import stream


def held_out_topologies(count: int, seed: int) -> np.ndarray:
    """Numbers (count,) of topologies drawn at random, all with the same probability, in ascending order."""
    generator = np.random.default_rng(stream(seed, "held-out topologies"))
    return np.sort(generator.choice(len(topology_members()[0]), count, replace=False))


def evaluate_holdout(
    models: Mapping[str, str | Path],
    dataset: str | Path,
    topologies: np.ndarray,
    settings: dict,
    seed: int = 0,
    threads: int | None = None,
) -> dict:
    """Measure polar networks on designs of topologies that they were trained without, and of those they have seen.

    Parameters
    ----------
    models : folders of networks by name; one without an inverse network is measured in the forward direction alone
    topologies : the numbers of those held out
    settings : ``split``, ``designs`` of it (at most) and ``refine_steps`` of the `evaluation` of a study

    Returns
    -------
    dict with ``topologies``, how many are held out, and ``refine_steps``; ``designs``, how many of each ``group``,
    ``seen`` and ``held_out``; ``forward.<name>.<group>`` with the ``lowest`` and the ``mean`` R² and the median
    ``relative_error``, and in ``forward.<name>_mean_vector.<group>`` the same where held-out topologies get the mean
    of the vectors that were learned; ``inverse.<name>.<group>`` with these of the proposals by finite elements, under
    ``refined_…`` after the exact refinement, and ``held_out_share`` of proposals with a held-out topology;
    ``inverse.<name>_excluded`` where these are not proposed.
    """
    with open_dataset(dataset) as data:
        block = getattr(data, settings["split"]).read(slice(settings["designs"]), ("designs", "stiffness"))
        solver = {"threads": threads, "poisson_ratio": data.poisson_ratio}
    designs, truth = block["designs"], block["stiffness"]
    held = np.isin(design_topology(designs), topologies)
    groups = {"seen": ~held, "held_out": held}
    out = {"topologies": len(topologies), "designs": {name: int(rows.sum()) for name, rows in groups.items()}}
    out |= {"refine_steps": settings["refine_steps"], "forward": {}, "inverse": {}}

    def scores(reached, prefix=""):
        return {name: _scores(truth[rows], reached[rows], prefix) for name, rows in groups.items()}

    for name, folder in models.items():
        print(f"{name}: forward model", flush=True)
        forward = load_forward(folder)
        out["forward"][name] = scores(forward.predict(designs))
        if forward.embedding.embedding_dim:
            forward.set_mean_vector(topologies)
            out["forward"][f"{name}_mean_vector"] = scores(forward.predict(designs))
        if (Path(folder) / "inverse.json").exists():
            network, parents = load_network(folder, "polar", "inverse"), load_parents(folder, "polar", "inverse")
            for key in (name, f"{name}_excluded"):
                print(f"{key}: inverse model, and its finite elements", flush=True)
                if key != name:
                    network.exclude(topologies)
                proposals = network.propose(truth, parents, seed=seed)[:, 0]
                found = out["inverse"][key] = scores(homogenize_designs(proposals, **solver))
                _, refined = refine_designs(truth, proposals, settings["refine_steps"], **solver)
                for group, more in scores(refined, "refined_").items():
                    found[group] |= more
                    share = np.isin(design_topology(proposals[groups[group]]), topologies).mean()
                    found[group]["held_out_share"] = float(share)
    return out


def _scores(truth, reached, prefix):
    r2 = r_squared(truth, reached)
    found = {"lowest": r2.min(), "mean": r2.mean(), "relative_error": np.median(relative_error(reached, truth))}
    return {prefix + key: float(value) for key, value in found.items()}
