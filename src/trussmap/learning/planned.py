"""What the trainings of a study will take, before there is a data set. No training depends on it."""

from trussmap.homogenization import homogenize_designs
from trussmap.lattice.descriptor import sample_designs
from trussmap.learning.registry import architectures, network_class
from trussmap.learning.scaling import step_flop
from trussmap.stiffness import ORTHOTROPIC_INDEX

#: Designs by which the operations are counted.
_COUNTED = 64


def planned_flop(settings: dict, architecture: str) -> dict[str, float]:
    """{network: operations of the matrix products in its training, as the settings of a study plan it}.

    Counted by torch for one batch of random designs, whose features cost the same as any others.
    """
    designs = sample_designs(0, 0, _COUNTED)
    block = {"designs": designs, "stiffness": homogenize_designs(designs)}
    block["stiffness_orthotropic"] = homogenize_designs(designs, orthotropic=True)[:, ORTHOTROPIC_INDEX]
    shares = settings["dataset"]
    train = settings["sampling"]["designs"] * (1 - shares["validation_share"] - shares["test_share"])
    networks, flop = {}, {}
    for name, declared in architectures()[architecture].networks.items():
        own, cls = settings["model"][architecture][name], network_class(architecture, name)
        parents = {parent: networks[parent] for parent in declared.parents}
        batch = cls.features(block, parents)
        networks[name] = cls.from_data(own, batch)
        flop[name] = step_flop(networks[name], batch, parents, own) / _COUNTED * train * own["epochs"]
        networks[name].requires_grad_(False)
    return flop
