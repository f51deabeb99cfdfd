"""Where the published forward model loses accuracy: its second network F2, given more than F1 can
tell it.

    python benchmarks/oracles.py results/laptop [--train predicted nine full lattice] >
    docs/results/oracles.json

Without training, on validation designs: accuracy of the study's own chain F2∘F1 for those that are
orthotropic after U and those that are not (``chain``); and what is left of the variance of C where
C̃ and V are known (``neighbours``). For that each design is compared with training designs of
nearly the same stiffness after U, in the ``nine`` constants or in all of them (``full``), that get
its own R1, V and R2. Training designs stand in a random one of the 24 orientations that leave an
orthotropic stiffness along the axes, so that what nine constants do not tell of them differs. Half
the mean squared difference of their stiffness, over its variance, is a 1 − R², and a line through
the k-th neighbours (k = 1 to 10) goes, at the distance 0, to the one that no network of C̃ and V
can fall below (the Gamma test: Stefánsson, Končar, Jones 1997).

With ``--train``, networks: each F2 has the sizes and settings of the study and the same compute,
but for its first layer; what it is given after the map U and the rotation R1, beside V:

``predicted``  F1's nine constants, as published; `forward_1` of the study ``nine``       the exact
nine orthotropic constants ``full``       all 21 exact constants: a quarter of the designs are not
orthotropic after U ``lattice``    these, and density, lattices, U and R1: the stiffness after U and
V do not determine that after V

R² of the 21 constants on the validation designs, which like all choices leaves the test designs
alone.
"""

import argparse
import contextlib
import json
import sys
import tempfile
from pathlib import Path

import numpy as np
import torch
from scipy.spatial import cKDTree
from scipy.spatial.transform import Rotation

from trussmap.base.streams import stream
from trussmap.data.dataset import open_dataset
from trussmap.lattice.descriptor import R1, R2, V
from trussmap.learning import training
from trussmap.learning.features import read_features
from trussmap.learning.models import load_forward, load_parents
from trussmap.learning.networks import AT_ONCE, MLP
from trussmap.learning.paper.encoding import Scaled, encode
from trussmap.learning.paper.forward import Forward2
from trussmap.mechanics.homogenization import homogenize_designs
from trussmap.tensors.measures import r_squared, relative_error
from trussmap.tensors.rotation import angle_axis, rotation
from trussmap.tensors.stiffness import (
    COMPONENTS,
    MULTIPLICITY,
    ORTHOTROPIC_INDEX,
    rotate,
    tensor_norm,
    unpack_orthotropic,
)


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
        return _features(
            block, torch.as_tensor(homogenize_designs(block["designs"], True), dtype=torch.float32)
        )


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


KINDS = {"predicted": Forward2, "nine": Nine, "full": Full, "lattice": Lattice}


def _features(block, after_u):
    inputs = encode(block["designs"])
    stiffness = torch.as_tensor(block["stiffness"], dtype=torch.float32)
    return {
        "turned": rotate(after_u, inputs["r1"]),
        "scaled": inputs["scaled"],
        "stretched": rotate(stiffness, inputs["r2"].mT),
    }


def shape_of(after_u):
    """What neighbours are close in, (n, 22): the stiffness after U over its norm, and the norm's
    logarithm over ten.
    """
    norm = tensor_norm(after_u)[:, None]
    return np.hstack([after_u / norm * MULTIPLICITY**0.5, 0.1 * np.log(norm)])


def neighbours(train, block, count, seed, most=10):
    """1 − R² left of C where its stiffness after U, R1 and V are those of a neighbour, the nearest
    and one at 0.
    """
    designs, stiffness = block["designs"][:count], block["stiffness"][:count]
    near = train.read(names=("designs", "stiffness_orthotropic"))
    nine = [
        unpack_orthotropic(torch.as_tensor(x["stiffness_orthotropic"])).numpy()
        for x in (near, block)
    ]
    full = [homogenize_designs(x["designs"], True) for x in (near, block)]
    cube = Rotation.create_group("O").as_matrix()
    turn = cube[
        np.random.default_rng(stream(seed, "orientations")).integers(
            len(cube), size=len(near["designs"])
        )
    ]
    found = {}
    for name, (known, own) in {"nine": nine, "full": full}.items():
        own = own[:count]
        known = rotate(torch.as_tensor(known), torch.as_tensor(turn)).numpy()
        _, index = cKDTree(shape_of(known)).query(shape_of(own), most)
        distance, left = [], []
        for place in index.T:
            other = near["designs"][place]
            other[:, R1] = angle_axis(rotation(designs[:, R1]) @ turn[place])
            other[:, V], other[:, R2] = designs[:, V], designs[:, R2]
            scale = (tensor_norm(own) / tensor_norm(known[place]))[:, None]
            off = homogenize_designs(other) * scale - stiffness
            distance.append(float((relative_error(known[place] * scale, own) ** 2).mean()))
            left.append(0.5 * (off**2).mean(0) / stiffness.var(0))
        floor = np.polyfit(distance, np.array(left), 1)[1]
        found[name] = {"designs": len(known), "distance": float(distance[0] ** 0.5)}
        for key, values in (("nearest", left[0]), ("floor", floor)):
            found[name] |= {
                f"{key}_largest": float(values.max()),
                f"{key}_mean": float(values.mean()),
            }
    return found


def chain(study, block, skew):
    """R² of the study's own forward model by whether a design is orthotropic after U."""
    predicted, truth = (
        load_forward(study / "models/paper").predict(block["designs"]),
        block["stiffness"],
    )
    squares = ((predicted - truth) ** 2 / truth.var(0)).sum(1)
    out = {"share_of_squared_error": float(squares[skew].sum() / squares.sum())}
    for name, rows in (("orthotropic", ~skew), ("not_orthotropic", skew)):
        r2 = r_squared(truth[rows], predicted[rows])
        out[name] = {"lowest": float(r2.min()), "mean": float(r2.mean())}
    return out


@torch.no_grad()
def accuracy(network, features, block):
    """R² (21,) of the whole stiffness of a block of designs."""
    parts = zip(features["turned"].split(AT_ONCE), features["scaled"].split(AT_ONCE), strict=True)
    stretched = torch.cat([network.unscale("stretched", network(*part)) for part in parts])
    r2 = encode(block["designs"])["r2"]
    return r_squared(block["stiffness"], rotate(stretched, r2).double().numpy())


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("study", type=Path)
    parser.add_argument("--epochs", type=int)
    parser.add_argument("--train", nargs="*", choices=KINDS, default=[])
    parser.add_argument(
        "--designs", type=int, default=5000, help="that are compared with neighbours"
    )
    arguments = parser.parse_args()
    study = json.loads((arguments.study / "study.json").read_text(encoding="utf-8"))
    model = study["model"]
    settings = model["paper"]["forward_2"] | {
        k: model[k] for k in ("precision", "threads", "checkpoint_seconds")
    }
    settings |= {"epochs": arguments.epochs or settings["epochs"]}
    parents = load_parents(arguments.study / "models/paper", "paper", "forward_2")
    found = {}
    with (
        open_dataset(arguments.study / "dataset.h5") as data,
        tempfile.TemporaryDirectory() as folder,
    ):
        block = data.validation.read()
        full = homogenize_designs(block["designs"], True)
        others = [i for i in range(21) if i not in ORTHOTROPIC_INDEX]
        skew = abs(full[:, others]).max(1) > 1e-6 * abs(full).max(1)
        out = {
            "not_orthotropic_share": float(skew.mean()),
            "chain": chain(arguments.study, block, skew),
        }
        out["neighbours"] = neighbours(data.train, block, arguments.designs, study["seed"])
        for name in arguments.train:
            cls = KINDS[name]
            train, validation = (
                read_features(cls, split, parents, folder)
                for split in (data.train, data.validation)
            )
            torch.manual_seed(study["seed"])
            network = cls.from_data(settings, train)
            checkpoint = Path(folder) / f"{name}.safetensors"
            own = parents if name == "predicted" else {}
            with contextlib.redirect_stdout(sys.stderr):
                training.train(
                    name, network, own, train, validation, settings, study["seed"], {}, checkpoint
                )
            r2 = accuracy(network.cpu().eval(), validation, block)
            found[name] = {"lowest": float(r2.min()), "mean": float(r2.mean())}
            found[name]["r2"] = dict(zip(COMPONENTS, r2.round(5).tolist(), strict=True))
    if found:
        out |= {"epochs": settings["epochs"], "oracles": found}
    print(json.dumps(out, indent=1))


if __name__ == "__main__":
    main()
