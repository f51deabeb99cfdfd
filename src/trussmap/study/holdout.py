"""Accuracy of networks on topologies that were held out of the training.

Only `polar` networks are measured. The forward one sees a topology by its members (14 zeros and
ones) and by a vector that it learns for it; for a held-out topology this vector stays random.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, cast

import numpy as np

from trussmap.base.streams import stream
from trussmap.data.dataset import open_dataset
from trussmap.lattice.compound import topology_members
from trussmap.lattice.descriptor import design_topology
from trussmap.learning.models import load_forward, load_network, load_parents
from trussmap.learning.polar.forward import PolarForward
from trussmap.learning.polar.inverse import PolarInverse
from trussmap.mechanics.solver import Solver
from trussmap.search.refine import refine_designs
from trussmap.tensors.material import Material
from trussmap.tensors.measures import r_squared, relative_error

#: Numbers by group, ``seen`` and ``held_out``, and by name.
Scores = dict[str, dict[str, float]]


def held_out_topologies(count: int, seed: int) -> np.ndarray:
    """Draw the numbers (count,) of topologies to hold out, in ascending order.

    All topologies have the same probability.
    """
    generator = np.random.default_rng(stream(seed, "held-out topologies"))
    return np.sort(generator.choice(len(topology_members()[0]), count, replace=False))


def evaluate_holdout(
    models: Mapping[str, str | Path],
    dataset: str | Path,
    topologies: np.ndarray,
    settings: Mapping[str, Any],
    seed: int = 0,
    threads: int | None = None,
) -> dict[str, Any]:
    """Measure polar networks on designs of held-out and of other topologies.

    Parameters
    ----------
    models : folders of networks by name; one without an inverse network is measured in the forward
        direction alone
    dataset : path of the whole data set
    topologies : the numbers of those held out
    settings : ``split``, ``designs`` of it (at most) and ``refine_steps`` of the `evaluation` of a
        study

    Returns
    -------
    dict with ``topologies``, the number of those held out, and ``refine_steps``; ``designs``, the
    number of each ``group``, ``seen`` and ``held_out``; ``forward.<name>.<group>`` with the
    ``lowest`` and the ``mean`` R² and the median ``relative_error``, and in
    ``forward.<name>_mean_vector.<group>`` the same where held-out topologies get the mean of the
    learned vectors; ``inverse.<name>.<group>`` with these of the proposals by finite elements,
    under ``refined_…`` after the exact refinement, and ``held_out_share`` of proposals with a
    held-out topology; ``inverse.<name>_excluded`` where these are not proposed.
    """
    test = _Test(dataset, topologies, settings, threads)
    forward_scores: dict[str, Scores] = {}
    inverse_scores: dict[str, Scores] = {}
    for name, folder in models.items():
        print(f"{name}: forward model", flush=True)
        forward = cast(PolarForward, load_forward(folder))
        forward_scores[name] = test.scores(forward.predict(test.designs))
        if forward.embedding.embedding_dim:
            forward.set_mean_vector(topologies)
            forward_scores[f"{name}_mean_vector"] = test.scores(forward.predict(test.designs))

        if (Path(folder) / "inverse.json").exists():
            inverse = cast(PolarInverse, load_network(folder, "polar", "inverse"))
            parents = load_parents(folder, "polar", "inverse")
            for key in (name, f"{name}_excluded"):
                print(f"{key}: inverse model, and its finite elements", flush=True)
                if key != name:
                    inverse.exclude(topologies)
                proposals = inverse.propose(test.stiffness, parents, seed=seed)[:, 0]
                inverse_scores[key] = test.proposal_scores(proposals)
    return {
        "topologies": len(topologies),
        "designs": {group: int(rows.sum()) for group, rows in test.groups.items()},
        "refine_steps": settings["refine_steps"],
        "forward": forward_scores,
        "inverse": inverse_scores,
    }


class _Test:
    """Designs to measure on, with their groups."""

    def __init__(
        self,
        dataset: str | Path,
        topologies: np.ndarray,
        settings: Mapping[str, Any],
        threads: int | None,
    ) -> None:
        with open_dataset(dataset) as data:
            split = data.split(settings["split"])
            block = split.read(slice(settings["designs"]), ("designs", "stiffness"))
            self.solver = Solver(Material(poisson_ratio=data.poisson_ratio), threads)
        self.designs = block["designs"]
        self.stiffness = block["stiffness"]
        self.topologies = topologies
        self.steps: int = settings["refine_steps"]

        held_out = np.isin(design_topology(self.designs), topologies)
        #: Rows (n,) bool of each group.
        self.groups = {"seen": ~held_out, "held_out": held_out}

    def scores(self, reached: np.ndarray, prefix: str = "") -> Scores:
        """Measure reached stiffnesses (n, 21) in each group."""
        return {
            group: _scores(self.stiffness[rows], reached[rows], prefix)
            for group, rows in self.groups.items()
        }

    def proposal_scores(self, proposals: np.ndarray) -> Scores:
        """Measure proposals (n, 19) by finite elements, also after refinement."""
        reached = self.solver.homogenize_designs(proposals)
        _, refined = refine_designs(self.stiffness, proposals, self.solver, self.steps)
        scores = self.scores(reached)
        for group, refined_scores in self.scores(refined, "refined_").items():
            topology = design_topology(proposals[self.groups[group]])
            share = np.isin(topology, self.topologies).mean()
            scores[group] |= refined_scores | {"held_out_share": float(share)}
        return scores


def _scores(truth: np.ndarray, reached: np.ndarray, prefix: str) -> dict[str, float]:
    """Measure reached stiffnesses (n, 21) against the true ones."""
    r2 = r_squared(truth, reached)
    scores = {
        "lowest": r2.min(),
        "mean": r2.mean(),
        "relative_error": np.median(relative_error(reached, truth)),
    }
    return {prefix + name: float(value) for name, value in scores.items()}
