"""Why a regression of the descriptor on the stiffness (Bastek et al. 2022, Eq. 2) fails: ill-posed,
or undertrained?

    python benchmarks/ill_posed.py results/laptop [--epochs 1 4 16] --out
    docs/results/ill_posed.json python benchmarks/ill_posed.py results/laptop --networks --out
    docs/results/ill_posed.json    # the rest stays python benchmarks/ill_posed.py --draw
    docs/results/ill_posed.json docs/ill_posed.png

1. Its loss, over the compute of the inverse networks of `direct` that the folder given has (scaling study), between
   two bounds that no training moves: the best **constant**, and the **descriptions**, what is left
   of the loss when topology, density and the map A up to its scale are known exactly. They
   determine the stiffness, so that no function of it can do better, but not the descriptor: one
   topology has several lists of lattices, and A = R2·V·R1·U many factors. The first are counted;
   the factors are integrated by Monte Carlo over U and the scale, for which singular values give
   the rest.

2. The same regression where nothing but the ambiguity is taken away: simple cubic lattices alone, by the same network,
   once with their descriptors and once with a description that is unique, density and the three
   strut vectors a as a⊗a in the order of their lengths. Loss on designs of its own, and R² of the
   proposals by finite elements.

3. The other black box, from the descriptor to the stiffness: the loss of the forward networks of `direct` in the same
   folder on designs that they have learned from and on others, over their compute.
"""

import argparse
import contextlib
import json
import sys
import tempfile
from itertools import product
from pathlib import Path

import numpy as np
import torch
from scipy.spatial.transform import Rotation

from trussmap.base.io import write_json
from trussmap.base.streams import stream
from trussmap.data.dataset import open_dataset
from trussmap.figures import style
from trussmap.lattice.compound import lattices_topology
from trussmap.lattice.descriptor import (
    DENSITY,
    DENSITY_RANGE,
    R1,
    R2,
    REPS,
    STRETCH_RANGE,
    TYPES,
    U,
    V,
    deformation_map,
    sample_designs,
)
from trussmap.lattice.polar import published_designs, six_of, symmetric_matrix
from trussmap.learning import training
from trussmap.learning.direct.networks import DirectInverse, encode
from trussmap.learning.features import moments
from trussmap.learning.models import load_network, read_record
from trussmap.learning.networks import MLP
from trussmap.learning.registry import architectures
from trussmap.learning.scaling import training_flop
from trussmap.mechanics.homogenization import homogenize_designs
from trussmap.tensors.measures import r_squared
from trussmap.tensors.rotation import angle_axis

#: Columns of the encoded descriptor.
GROUPS = {"density": [0], "U": [1, 2, 3], "V": [4, 5, 6], "lattices": [*range(7, 34)]} | {
    "R1": [34, 35, 36],
    "R2": [37, 38, 39],
}
#: The 24 proper rotations of a cube.
CUBE = Rotation.create_group("O").as_matrix().round(12)


# ------------------------------------------------------------------------------------------- 1:
# bounds of the loss
def of_lattices():
    """Variance (27,) of the encoded lattices where the topology is known: over all lists of
    lattices that make it.
    """
    choices = np.array(list(product(range(7), range(7), range(7), (1, 2), (1, 2), (1, 2))))
    designs = np.full((len(choices), 19), 1.0)
    designs[:, TYPES], designs[:, REPS] = choices[:, :3], choices[:, 3:]
    designs[:, R1] = designs[:, R2] = 0
    hot = encode(designs)[:, GROUPS["lattices"]].double().numpy()
    variance = np.zeros(27)
    topology = lattices_topology(choices[:, :3], choices[:, 3:])
    for key in np.unique(topology):
        rows = hot[topology == key]
        variance += rows.var(0) * len(rows) / len(hot)
    return variance


def of_factors(design, samples, generator):
    """Mean and variance (40,) of the encoded U, V, R1, R2 where the map A of a design (19,) is
    known up to its scale.

    Given U, the singular values of A·U⁻¹ are V up to the scale s, whose density along the ray is
    s², and R2 and R1 up to the 24 rotations of a cube. The density of the rest: of (R2, V, R1) by
    the volume |Π(v_i² − v_j²)| of singular values, of A by |det U|⁻³, of a rotation by a uniform
    angle θ, against the uniform law, 1/(1 − cos θ).
    """
    low, high = STRETCH_RANGE
    u = generator.uniform(low, high, (samples, 3))
    left, v, right = np.linalg.svd(deformation_map(design[None]) / u[:, None, :])
    sign = np.linalg.det(left)
    left[:, :, 2] *= sign[:, None]
    right[:, 2] *= np.linalg.det(right)[:, None]
    smallest, largest = low / v[:, 2], high / v[:, 0]
    open_ = largest > smallest
    u, left, v, right, smallest, largest = (
        x[open_] for x in (u, left, v, right, smallest, largest)
    )
    volume = largest**3 - smallest**3
    scale = np.cbrt(smallest**3 + generator.random(len(u)) * volume)
    squares = v**2
    gaps = (
        (squares[:, 0] - squares[:, 1])
        * (squares[:, 1] - squares[:, 2])
        * (squares[:, 0] - squares[:, 2])
    )
    weight = volume / gaps / u.prod(1) ** 3
    second, first = left[:, None] @ CUBE, CUBE.swapaxes(1, 2) @ right[:, None]
    weight = (
        weight[:, None]
        / (3 - np.trace(second, axis1=2, axis2=3))
        / (3 - np.trace(first, axis1=2, axis2=3))
    )
    count = weight.size
    theta = np.repeat(design[None], count, 0)
    theta[:, U] = np.repeat(u, len(CUBE), 0)
    theta[:, V] = ((scale[:, None] * v)[:, None, None] @ np.abs(CUBE)).reshape(count, 3)
    theta[:, R1], theta[:, R2] = (
        angle_axis(first.reshape(-1, 3, 3)),
        angle_axis(second.reshape(-1, 3, 3)),
    )
    theta[:, V] = theta[:, V].clip(low, high)
    encoded, weight = encode(theta).double().numpy(), weight.ravel() / weight.sum()
    mean = weight @ encoded
    return mean, weight @ (encoded - mean) ** 2


def bounds(designs, samples, seed):
    """Loss of the best constant and of the descriptions, in all and by group.

    With the standard error of the latter, and as a check of the densities the squared error of the
    means for the designs themselves, ``factors_check``, which has to be the variance of the
    factors, ``factors``.
    """
    generator = np.random.default_rng(stream(seed, "descriptions"))
    constant = (
        encode(sample_designs(stream(seed, "constant"), 0, 100_000))
        .double()
        .var(0, correction=0)
        .numpy()
    )
    means, each = np.stack([of_factors(design, samples, generator) for design in designs]).swapaxes(
        0, 1
    )
    factors = [column for group in ("U", "V", "R1", "R2") for column in GROUPS[group]]
    off = (encode(designs).double().numpy() - means)[:, factors] ** 2
    check = {"factors": float(each[:, factors].mean()), "factors_check": float(off.mean())}
    check["factors_check_error"] = float(off.mean(1).std() / len(off) ** 0.5)
    each[:, GROUPS["lattices"]] = of_lattices()
    found = {}
    for name, values in (("constant", constant), ("descriptions", each.mean(0))):
        found[name] = {"loss": float(values.mean())}
        found[name]["groups"] = {
            group: float(values[columns].mean()) for group, columns in GROUPS.items()
        }
    found["descriptions"] |= check | {"error": float(each.mean(1).std() / len(each) ** 0.5)}
    return found


def trained(study, name):
    """The networks ``name`` of `direct` in a study, of the least compute first: compute, network,
    record.
    """
    found = []
    for folder in [*study.glob("scaling/*/direct"), study / "models/direct"]:
        if (folder / f"{name}.json").exists():
            flop = training_flop(folder, "direct", name, study / "dataset.h5")
            found.append(
                (flop, load_network(folder, "direct", name), read_record(folder / f"{name}.json"))
            )
    return sorted(found, key=lambda own: own[0])


def regressions(study, designs, stiffness):
    """Inverse networks of a study: compute, loss and R² by finite elements on validation designs,
    both losses along
    the training."""
    points = []
    for flop, network, record in trained(study, "inverse"):
        with torch.no_grad():
            seen = torch.as_tensor(stiffness, dtype=torch.float32)
            off = (
                (network.network(network.standardised(seen)) - encode(designs))
                .double()
                .square()
                .mean(0)
                .numpy()
            )
        r2 = r_squared(stiffness, homogenize_designs(network.propose(stiffness, {})[:, 0]))
        own = {
            "flop": flop,
            "designs": record["designs"],
            "lowest": float(r2.min()),
            "mean": float(r2.mean()),
        }
        own |= {
            "loss": float(off.mean()),
            "groups": {k: float(off[columns].mean()) for k, columns in GROUPS.items()},
        }
        points.append(own | losses_along(record))
    return points


def losses_along(record):
    """Loss of the training and of the validation split after each epoch, of the record of a
    network.
    """
    return {
        f"{key}_along": [epoch[key] for epoch in record["history"]]
        for key in ("loss", "validation_loss")
    }


def forward_boxes(study, blocks):
    """Forward networks of a study: compute, mean squared error of the standardised stiffness on
    each of ``blocks``,
    R² on the last, and both losses along the training."""
    points = []
    for flop, network, record in trained(study, "forward"):
        own = {"flop": flop, "designs": record["designs"], "epochs": record["settings"]["epochs"]}
        for name, block in blocks.items():
            predicted = network.predict(block["designs"])
            own[name] = float(
                (((predicted - block["stiffness"]) / network.std.double().numpy()) ** 2).mean()
            )
        r2 = r_squared(block["stiffness"], predicted)
        points.append(
            own | {"lowest": float(r2.min()), "mean": float(r2.mean())} | losses_along(record)
        )
    return points


# --------------------------------------------------------------------------------- 2: one topology,
# two descriptions
class Unique(DirectInverse):
    """21 constants → density and a⊗a of the struts of a simple cubic lattice, longest first;
    standardised.
    """

    def __init__(self, hidden, scaling):
        super().__init__(hidden, scaling)
        self.network = MLP(21, hidden, 19)

    @staticmethod
    def features(block, parents):
        stiffness = torch.as_tensor(block["stiffness"], dtype=torch.float32)
        return {
            "design": torch.as_tensor(unique(block["designs"]), dtype=torch.float32),
            "stiffness": stiffness,
        }

    @classmethod
    def from_data(cls, settings, data):
        names = {}
        for name, tensor in (("", data["stiffness"]), ("design_", data["design"])):
            mean, deviation = moments(tensor)
            names |= {f"{name}mean": mean.tolist(), f"{name}std": deviation.tolist()}
        return cls(settings["hidden"], names)

    def loss(self, batch, generator, parents, settings):
        """Mean squared error of the standardised description."""
        wanted = (batch["design"] - self.design_mean) / self.design_std
        return torch.nn.functional.mse_loss(
            self.network(self.standardised(batch["stiffness"])), wanted
        )

    @torch.no_grad()
    def propose(self, targets, parents, **_):
        seen = self.standardised(torch.as_tensor(targets, dtype=torch.float32))
        found = (self.network(seen) * self.design_std + self.design_mean).double().numpy()
        return from_unique(found)[:, None]


def unique(designs):
    """Density in [0, 1] and the six entries of a⊗a of each strut, longest first (n, 19), at a cell
    of volume 1.
    """
    maps = deformation_map(designs)
    maps /= np.cbrt(np.linalg.det(maps))[:, None, None]
    order = np.linalg.norm(maps, axis=1).argsort(1)[:, ::-1]
    struts = np.take_along_axis(maps, order[:, None, :], 2).swapaxes(1, 2)
    squares = six_of(struts[..., :, None] * struts[..., None, :])
    low, high = DENSITY_RANGE
    return np.hstack([(designs[:, [DENSITY]] - low) / (high - low), squares.reshape(-1, 18)])


def from_unique(found):
    """Designs (n, 19) of (n, 19): the struts along the largest eigenvectors."""
    value, vector = np.linalg.eigh(symmetric_matrix(found[:, 1:].reshape(-1, 3, 6)))
    struts = vector[..., -1] * np.sqrt(value[..., -1:].clip(1e-3))
    maps = struts.swapaxes(1, 2)
    maps[:, :, 2] *= np.sign(np.linalg.det(maps))[:, None]
    stretch, frame = np.linalg.eigh(maps.swapaxes(1, 2) @ maps)
    log = 0.5 * np.log(stretch.clip(1e-4))
    rotation = maps @ (frame * np.exp(-log)[:, None]) @ frame.swapaxes(1, 2)
    left, _, right = np.linalg.svd(rotation)  # where the struts are nearly in a plane
    log -= log.mean(1, keepdims=True)
    low, high = DENSITY_RANGE
    density = low + found[:, 0].clip(0, 1) * (high - low)
    choice = np.zeros((len(found), 3)), np.ones((len(found), 3))
    return published_designs(
        *choice, density, left @ right, six_of((frame * log[:, None]) @ frame.swapaxes(1, 2))
    )[0]


def simple_cubic(seed, count):
    designs = sample_designs(seed, 0, count)
    designs[:, TYPES], designs[:, REPS] = 0, 1
    return {"designs": designs, "stiffness": homogenize_designs(designs)}


def contrast(all_epochs, count, settings, seed):
    """Both regressions at several lengths of training: compute, loss over that of the best
    constant, R² by FE.
    """
    found = {"descriptor": [], "unique": []}
    block = simple_cubic(stream(seed, "simple cubic", "train"), count)
    test = simple_cubic(stream(seed, "simple cubic", "test"), 5000)
    again = from_unique(unique(test["designs"]))
    off = np.abs(homogenize_designs(again) - test["stiffness"]).max()
    assert off < 1e-6, f"the unique description misses the stiffness by {off}"
    with tempfile.TemporaryDirectory() as folder:
        for name, cls in (("descriptor", DirectInverse), ("unique", Unique)):
            train, other = (cls.features(part, {}) for part in (block, test))
            for epochs in all_epochs:
                torch.manual_seed(seed)
                network, own = cls.from_data(settings, train), settings | {"epochs": epochs}
                checkpoint = Path(folder) / f"{name}_{epochs}.safetensors"
                with contextlib.redirect_stdout(sys.stderr):
                    history = training.train(
                        name, network, {}, train, other, own, seed, {}, checkpoint
                    )
                constant = 1.0 if cls is Unique else float(train["design"].var(0).mean())
                proposals = network.eval().propose(test["stiffness"], {})[:, 0]
                r2 = r_squared(test["stiffness"], homogenize_designs(proposals))
                first, *others = [w.numel() for w in network.parameters() if w.ndim == 2]
                found[name].append(
                    {"epochs": epochs, "flop": (4 * first + 6 * sum(others)) * count * epochs}
                    | {"loss_over_constant": history[-1]["validation_loss"] / constant}
                    | {"lowest": float(r2.min()), "mean": float(r2.mean())}
                )
    return found


def plot(found, path):
    """Loss of Eq. 2 between its bounds, the accuracy of the proposals, and the loss of the other
    black box.
    """
    with style.figure(path, 9.6, 7.4) as fig:
        (losses, forward), (accuracy, reached) = fig.subplots(2, 2)
        fig.subplots_adjust(left=0.075, right=0.985, top=0.96, bottom=0.07, wspace=0.2, hspace=0.28)
        color, other = architectures()["direct"].color, style.HERE
        points = found["regressions"]
        compute = np.array([own["flop"] for own in points]) / 1e12
        for name, label in (
            ("constant", "best constant"),
            ("descriptions", "geometry known exactly"),
        ):
            losses.axhline(found[name]["loss"], color=style.GUIDE, lw=1, zorder=0)
            losses.text(
                0.99,
                found[name]["loss"],
                label,
                transform=losses.get_yaxis_transform(),
                ha="right",
                va="bottom",
            )
        losses.plot(compute, [own["loss"] for own in points], "o-", color=color, ms=4.5)
        low, high = found["descriptions"]["loss"], found["constant"]["loss"]
        losses.set(
            ylim=(low - 0.1 * (high - low), high + 0.15 * (high - low)),
            ylabel="mean squared error of Θ, validation",
        )
        losses.set(title="Eq. 2, all topologies: the loss")
        curves = [("Θ, all topologies", points, color, "-")]
        for key, label, own_color in (
            ("descriptor", "Θ", color),
            ("unique", "unique description", other),
        ):
            curves.append(
                (f"{label}, simple cubic alone", found["one_topology"][key], own_color, "--")
            )
        for label, rows, own_color, dashes in curves:
            along = [row["flop"] / 1e12 for row in rows]
            mean = [row["mean"] for row in rows]
            accuracy.plot(along, mean, "o", ls=dashes, color=own_color, ms=4.5, label=label)
        accuracy.axhline(0, color=style.GUIDE, lw=1, zorder=0)
        accuracy.set(ylim=(None, 1.02), ylabel="mean R² of the stiffness, by finite elements")
        accuracy.set(title="regressions of a description: what they design")
        accuracy.legend(loc="center right", fontsize=8)
        for own in found["forward"]:
            epochs = own["epochs"]
            spent = own["flop"] / 1e12 * np.arange(1, epochs + 1) / epochs
            label = own is found["forward"][-1]
            forward.plot(
                spent,
                own["loss_along"],
                ":",
                color=color,
                lw=1,
                label="training, mean of the epoch" * label,
            )
            forward.plot(
                spent, own["validation_loss_along"], color=color, lw=1, label="validation" * label
            )
            forward.plot(spent[-1], own["validation_loss_along"][-1], "o", color=color, ms=4.5)
        forward.axhline(1, color=style.GUIDE, lw=1, zorder=0)
        forward.set(ylim=(0, 1.08), ylabel="mean squared error of C, standardised")
        forward.set(title="Θ → C by one network: the loss along each training")
        forward.text(0.01, 1, "best constant", transform=forward.get_yaxis_transform(), va="bottom")
        forward.legend(loc="lower left", fontsize=8)
        along = [own["flop"] / 1e12 for own in found["forward"]]
        for key, look, label in (("mean", ":", "mean of 21"), ("lowest", "-", "lowest")):
            values = [own[key] for own in found["forward"]]
            reached.plot(along, values, "o", ls=look, color=color, ms=4.5, label=label)
        reached.axhline(0, color=style.GUIDE, lw=1, zorder=0)
        reached.set(
            ylim=(None, 1.02),
            ylabel="R² of the stiffness, validation",
            title="Θ → C by one network: R²",
        )
        reached.legend(loc="upper left", fontsize=8)
        for ax in (losses, forward, accuracy, reached):
            ax.set(xscale="log", xlabel="compute of the training, TFLOP of matrix products")
            ax.xaxis.set_minor_formatter("")
        for ax in (forward, reached):
            ax.set_xticks([3, 10, 30, 100, 300], ["3", "10", "30", "100", "300"])
        losses.set_xticks([1, 3, 10, 30, 100], ["1", "3", "10", "30", "100"])


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("study", type=Path, nargs="?")
    parser.add_argument("--out", type=Path)
    parser.add_argument("--networks", action="store_true")
    parser.add_argument("--draw", type=Path, nargs=2)
    parser.add_argument("--epochs", type=int, nargs="+", default=[1, 4, 16])
    parser.add_argument("--designs", type=int, default=50_000)
    parser.add_argument("--hidden", type=int, nargs="+", default=[256, 256, 256])
    arguments = parser.parse_args()
    if arguments.draw:
        plot(json.loads(arguments.draw[0].read_text(encoding="utf-8")), arguments.draw[1])
        return
    seed = 2022
    with open_dataset(arguments.study / "dataset.h5") as data:
        block = data.validation.read()
        blocks = {"train": data.train.head(len(data.validation)).read(), "validation": block}
    designs, stiffness = block["designs"], block["stiffness"]
    found = (
        json.loads(arguments.out.read_text(encoding="utf-8"))
        if arguments.networks
        else bounds(designs[:400], 1600, seed)
    )
    found["regressions"] = regressions(arguments.study, designs, stiffness)
    found["forward"] = forward_boxes(arguments.study, blocks)
    if not arguments.networks:
        settings = {
            "hidden": arguments.hidden,
            "batch": 512,
            "learning_rate": 2e-3,
            "schedule": "cosine",
        }
        settings |= {"precision": "auto", "threads": 2, "checkpoint_seconds": 600}
        found["one_topology"] = contrast(arguments.epochs, arguments.designs, settings, seed)
        found["one_topology"] |= {"designs": arguments.designs, "hidden": arguments.hidden}
    write_json(found, arguments.out)


if __name__ == "__main__":
    main()
