"""Operations of the matrix products in every training of some studies, counted by torch for one batch.

    python benchmarks/compute.py laptop paper paper_cpu > docs/results/compute.json

Only training designs count: all but the validation and the test share.
"""

import json
import sys
from pathlib import Path

import torch
import yaml
from snakemake.utils import update_config
from torch.utils.flop_counter import FlopCounterMode

from trussmap.homogenization import homogenize_designs
from trussmap.lattice.descriptor import sample_designs
from trussmap.learning.registry import architectures, network_class
from trussmap.stiffness import ORTHOTROPIC_INDEX

ROOT = Path(__file__).parents[1]
BATCH = 64


def settings_of(study):
    settings = yaml.safe_load((ROOT / "config.yaml").read_text())
    if study != "laptop":
        update_config(settings, yaml.safe_load((ROOT / "studies" / f"{study}.yaml").read_text()))
    return settings


def operations(settings):
    """{architecture: {network: operations of its training}} for the settings of a study."""
    designs = sample_designs(0, 0, BATCH)
    block = {"designs": designs, "stiffness": homogenize_designs(designs)}
    block["stiffness_orthotropic"] = homogenize_designs(designs, orthotropic=True)[:, ORTHOTROPIC_INDEX]
    shares = settings["dataset"]
    train = settings["sampling"]["designs"] * (1 - shares["validation_share"] - shares["test_share"])
    out = {}
    for name, declared in architectures().items():
        networks, out[name] = {}, {}
        for network, what in declared.networks.items():
            own, cls = settings["model"][name][network], network_class(name, network)
            parents = {parent: networks[parent] for parent in what.parents}
            batch = cls.features(block, parents)
            networks[network] = cls.from_data(own, batch)
            with FlopCounterMode(display=False) as counter:
                loss = networks[network].loss(batch, torch.Generator(), parents, own)
                (loss["loss"] if isinstance(loss, dict) else loss).backward()
            networks[network].requires_grad_(False)
            out[name][network] = float(f"{counter.get_total_flops() / BATCH * train * own['epochs']:.4g}")
        out[name]["all"] = sum(out[name].values())
    return out


if __name__ == "__main__":
    print(json.dumps({study: operations(settings_of(study)) for study in sys.argv[1:]}, indent=1))
