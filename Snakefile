# The whole study: snakemake --cores all --config study=smoke, or make study STUDY=smoke
from copy import deepcopy
from pathlib import Path

import yaml
from snakemake.utils import min_version, update_config

from trussmap.base.errors import InputError
from trussmap.learning.points import scaling_points
from trussmap.learning.registry import architectures
from trussmap.base.provenance import source_digest
from trussmap.base.streams import stream
from trussmap.study.settings import check_settings, study_file, typed
from trussmap.study.takeover import take_over

min_version("9.0")


configfile: f"{workflow.basedir}/config.yaml"


FILES = [f"{workflow.basedir}/config.yaml"]
if config["study"] != "laptop":
    try:
        FILES.append(study_file(config["study"], f"{workflow.basedir}/studies"))
    except InputError as error:
        raise WorkflowError(str(error))

    configfile: FILES[-1]


update_config(config, typed(workflow.config_settings.config))
try:
    check_settings(
        config,
        f"{workflow.basedir}/workflow/schemas/config.schema.yaml",
        [*FILES, *workflow.overwrite_configfiles],
        workflow.config_settings.config,
    )
except InputError as error:
    raise WorkflowError(str(error))

# A run that was killed leaves a lock; where no other one is under way, this one goes on.
if workflow.is_main_process and not workflow.output_settings.dryrun:
    take_over(".snakemake")

RESULTS = f"results/{config['study']}"
PROJECT = Path(workflow.basedir)
# Of lattices, beside the published one.
FAMILIES = ["areas", "geometry"]
ARCHITECTURES = [config["model"]["architecture"], *config["model"]["also"]]
NETWORKS = {name: declared.networks for name, declared in architectures().items()}


wildcard_constraints:
    shard=r"\d\d\d\d+",
    architecture="|".join(NETWORKS),
    targets="bone|catalogue",
    network=r"\w+",
    designs=r"\d+",
    effort=r"[\d.e+-]+",
    run=r"(_\d+)?",
    alone="(_forward)?",
    variant="vectors|members",


include: "workflow/rules/common.smk"
include: "workflow/rules/data.smk"
include: "workflow/rules/learning.smk"
include: "workflow/rules/generalize.smk"
include: "workflow/rules/figures.smk"
include: "workflow/rules/report.smk"


onstart:
    check_nodes()


# What a reader may open is asked for by name, so that whatever is missing of it is made again.
rule all:
    default_target: True
    input:
        f"{RESULTS}/report.html",
        f"{RESULTS}/metrics.json",
        f"{RESULTS}/audit.json",
        f"{RESULTS}/moments.csv",
        f"{RESULTS}/dataset.h5",
        [models(architecture) for architecture in ARCHITECTURES],
        expand(f"{RESULTS}/evaluation/{{architecture}}.json", architecture=ARCHITECTURES),
        expand(
            f"{RESULTS}/generalize/{{targets}}/designs.csv",
            targets=["bone", "catalogue"],
        ),
        f"{RESULTS}/grading/structure.vtk",
        PICTURES,


rule dataset:
    input:
        f"{RESULTS}/dataset.h5",
        f"{RESULTS}/moments.csv",


rule design:
    input:
        (
            rules.design_targets.output
            if config["design"]["targets"]
            else expand(
                f"{RESULTS}/generalize/{{targets}}/designs.csv",
                targets=["bone", "catalogue"],
            )
        ),


rule scaling:
    input:
        rules.figure_scaling.output,


rule trend:
    input:
        rules.figure_trend.output,


rule holdout:
    input:
        rules.holdout_evaluate.output,
