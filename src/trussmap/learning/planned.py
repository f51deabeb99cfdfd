"""Compute of the trainings of a study, before there is a data set.

No training depends on it.
"""

from trussmap.lattice.descriptor import sample_designs
from trussmap.learning.networks import Parents, Settings, TrainableNetwork
from trussmap.learning.registry import architectures, network_class
from trussmap.learning.scaling import step_flop
from trussmap.mechanics.homogenization import homogenize_designs
from trussmap.tensors.stiffness import ORTHOTROPIC_INDEX

# Designs of the batch for which the operations are counted.
_COUNTED = 64


def planned_flop(settings: Settings, architecture: str) -> dict[str, float]:
    """Count the operations of the planned training of each network, by name.

    These are floating-point operations of the matrix products, as the ``settings`` of a study plan
    the training. Torch counts them for one batch of random designs, whose features cost the same as
    any others.
    """
    designs = sample_designs(0, 0, _COUNTED)
    orthotropic = homogenize_designs(designs, orthotropic=True)[:, ORTHOTROPIC_INDEX]
    block = {
        "designs": designs,
        "stiffness": homogenize_designs(designs),
        "stiffness_orthotropic": orthotropic,
    }

    shares = settings["dataset"]
    train_share = 1 - shares["validation_share"] - shares["test_share"]
    train_designs = settings["sampling"]["designs"] * train_share

    networks: dict[str, TrainableNetwork] = {}
    flop: dict[str, float] = {}
    for name, declared in architectures()[architecture].networks.items():
        training = settings["model"][architecture][name]
        kind: type[TrainableNetwork] = network_class(architecture, name)
        parents: Parents = {parent: networks[parent] for parent in declared.parents}

        batch = kind.features(block, parents)
        network = kind.from_data(training, batch)
        step = step_flop(network, batch, parents, training)
        flop[name] = step / _COUNTED * train_designs * training["epochs"]
        networks[name] = network.requires_grad_(False)
    return flop
