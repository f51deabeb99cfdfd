"""Operations of the matrix products in every training of some studies, counted by torch for one
batch.

    python benchmarks/compute.py laptop paper paper_cpu > docs/results/compute.json

Only training designs count: all but the validation and the test share.
"""

import json
import sys
from pathlib import Path

import yaml
from snakemake.utils import update_config

from trussmap.learning.planned import planned_flop
from trussmap.learning.registry import architectures

ROOT = Path(__file__).parents[1]


def settings_of(study):
    settings = yaml.safe_load((ROOT / "config.yaml").read_text(encoding="utf-8"))
    if study != "laptop":
        update_config(
            settings,
            yaml.safe_load((ROOT / "studies" / f"{study}.yaml").read_text(encoding="utf-8")),
        )
    return settings


def operations(settings):
    """{architecture: {network: operations of its training, and "all"}} for the settings of a study."""
    out = {}
    for name in architectures():
        flop = planned_flop(settings, name)
        out[name] = {
            key: float(f"{value:.4g}")
            for key, value in (flop | {"all": sum(flop.values())}).items()
        }
    return out


if __name__ == "__main__":
    print(json.dumps({study: operations(settings_of(study)) for study in sys.argv[1:]}, indent=1))
