"""Where the published forward model loses accuracy: its second network F2, given more than F1 can tell it.

    python benchmarks/oracles.py results/laptop [--epochs 3] > docs/results/oracles.json

Each F2 has the sizes and settings of the study and the same compute, but for its first layer; what it is given after
the map U and the rotation R1, beside V:

``predicted``  F1's nine constants, as published; `forward_1` of the study
``nine``       the exact nine orthotropic constants
``full``       all 21 exact constants: a quarter of the designs are not orthotropic after U
``lattice``    these, and density, lattices, U and R1: the stiffness after U and V do not determine that after V

R² of the 21 constants on the validation designs, which like all choices leaves the test designs alone.
"""

import argparse
import contextlib
import json
import sys
import tempfile
from pathlib import Path

import torch

from trussmap.dataset import open_dataset
from trussmap.homogenization import homogenize_designs
from trussmap.learning import training
from trussmap.learning.features import read_features
from trussmap.learning.models import load_parents
from trussmap.learning.networks import AT_ONCE, MLP
from trussmap.learning.paper.encoding import Scaled, encode
from trussmap.learning.paper.forward import Forward2
from trussmap.measures import r_squared
from trussmap.stiffness import COMPONENTS, ORTHOTROPIC_INDEX, rotate, unpack_orthotropic


class Nine(Forward2):
    """F2 on the exact orthotropic constants."""

    columns = ("designs", "stiffness", "stiffness_orthotropic")

    @staticmethod
    def features(block, parents):
        nine = torch.as_tensor(block["stiffness_orthotropic"], dtype=torch.float32)
        return _features(block, unpack_orthotropic(nine))


class Full(Forward2):
    """F2 on all exact constants after U."""

    @staticmethod
    def features(block, parents):
        return _features(block, torch.as_tensor(homogenize_designs(block["designs"], True), dtype=torch.float32))


class Lattice(Full):
    """F2 on these and the whole design but R2."""

    def __init__(self, hidden, scaling):
        Scaled.__init__(self, {"hidden": hidden}, scaling)
        self.network = MLP(24 + 4 + 27 + 9, hidden, 21)

    @staticmethod
    def features(block, parents):
        inputs = encode(block["designs"])
        rest = torch.cat([inputs["scaled"], inputs["lattices"], inputs["r1"].flatten(1)], -1)
        return Full.features(block, parents) | {"scaled": rest}

    def forward(self, turned, rest):
        return self.network(torch.cat([self.scale("turned", turned), rest], -1))


def _features(block, after_u):
    inputs = encode(block["designs"])
    stiffness = torch.as_tensor(block["stiffness"], dtype=torch.float32)
    return {
        "turned": rotate(after_u, inputs["r1"]),
        "scaled": inputs["scaled"],
        "stretched": rotate(stiffness, inputs["r2"].mT),
    }


@torch.no_grad()
def accuracy(network, features, block):
    """R² (21,) of the whole stiffness of a block of designs."""
    parts = zip(features["turned"].split(AT_ONCE), features["scaled"].split(AT_ONCE), strict=True)
    stretched = torch.cat([network.unscale("stretched", network(*part)) for part in parts])
    r2 = encode(block["designs"])["r2"]
    return r_squared(block["stiffness"], rotate(stretched, r2).double().numpy())


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("study", type=Path)
    parser.add_argument("--epochs", type=int)
    arguments = parser.parse_args()
    study = json.loads((arguments.study / "study.json").read_text())
    model = study["model"]
    settings = model["paper"]["forward_2"] | {k: model[k] for k in ("precision", "threads", "checkpoint_seconds")}
    settings |= {"epochs": arguments.epochs or settings["epochs"]}
    parents = load_parents(arguments.study / "models/paper", "paper", "forward_2")
    found = {}
    with open_dataset(arguments.study / "dataset.h5") as data, tempfile.TemporaryDirectory() as folder:
        block = data.validation.read()
        full = homogenize_designs(block["designs"], True)
        others = [i for i in range(21) if i not in ORTHOTROPIC_INDEX]
        skew = (abs(full[:, others]).max(1) > 1e-6 * abs(full).max(1)).mean()
        for name, cls in {"predicted": Forward2, "nine": Nine, "full": Full, "lattice": Lattice}.items():
            train, validation = (read_features(cls, split, parents, folder) for split in (data.train, data.validation))
            torch.manual_seed(study["seed"])
            network = cls.from_data(settings, train)
            checkpoint = Path(folder) / f"{name}.safetensors"
            own = parents if name == "predicted" else {}
            with contextlib.redirect_stdout(sys.stderr):
                training.train(name, network, own, train, validation, settings, study["seed"], {}, checkpoint)
            r2 = accuracy(network.cpu().eval(), validation, block)
            found[name] = {"lowest": float(r2.min()), "mean": float(r2.mean())}
            found[name]["r2"] = dict(zip(COMPONENTS, r2.round(5).tolist(), strict=True))
    print(json.dumps({"epochs": settings["epochs"], "not_orthotropic_share": float(skew), "oracles": found}, indent=1))


if __name__ == "__main__":
    main()
