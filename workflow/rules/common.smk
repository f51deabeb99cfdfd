# What several rules need to know.
import shutil
import subprocess
from math import ceil

PUBLISHED_STUDY = PROJECT / "studies/paper.yaml"

SHARDS = [
    f"{shard:04d}"
    for shard in range(ceil(config["sampling"]["designs"] / config["sampling"]["shard_size"]))
]


#: MB of the two processes of Snakemake's that run a job on a cluster, which count with it.
DRIVERS = 300


def resources_of(megabytes, minutes):
    """Memory and time of a job; one that is tried again gets as much more of both."""
    return {
        "mem_mb": lambda wildcards, attempt: attempt * (megabytes + DRIVERS),
        "runtime": lambda wildcards, attempt: attempt * minutes,
    }


SMALL = resources_of(1000, 60)
LARGE = resources_of(4000, 480)
#: A training that is tried again goes on from its checkpoint, so its two days suffice.
TRAINING = resources_of(3000, 2880) | {"runtime": 2880}
if config["gres"]:
    TRAINING["gres"] = config["gres"]


def check_nodes():
    """End at once if the cluster does not answer, or a job has more threads than any node."""
    nodes = ["sinfo", "--Node", "--noheader", "--format=%c"]
    if workflow.local_exec or not shutil.which(nodes[0]):
        return
    found = subprocess.run(nodes, capture_output=True, text=True, errors="replace")
    if found.returncode:
        reason = found.stderr.strip()
        raise WorkflowError(f"Slurm does not answer, so no job was submitted: {reason}")
    most = max(map(int, found.stdout.split()), default=0)
    for job in workflow.dag.needrun_jobs():
        if 0 < most < job.threads:
            raise WorkflowError(
                f"rule {job.rule.name} has {job.threads} threads, and the largest node {most} "
                f"cores; give the option --max-threads {most}, or state it in the profile."
            )


def log_of(rule, job=None):
    """Log of a rule, or of one of its jobs."""
    return f"{RESULTS}/logs/{rule}/{job or rule}.log"


def benchmark_of(rule, job=None):
    """Table of time and memory that Snakemake writes for a rule, or one of its jobs."""
    return f"{RESULTS}/benchmarks/{rule}/{job or rule}.tsv"


def timing_of(rule, job=None):
    """Times that a job measured, apart from its results, which are the same in every run."""
    return f"{RESULTS}/timings/{rule}/{job or rule}.json"


def source_of(rule, *architectures):
    """Digest of the source that a rule's result depends on: script, imports, architectures.

    It is a parameter of every rule, so that an edit of the library makes again what it touches.
    Architectures are listed because the library finds them by name, which no import shows.
    """
    packages = [f"trussmap.learning.{architecture}" for architecture in architectures]
    return source_digest(f"{workflow.basedir}/workflow/scripts/{rule}.py", *packages)


def source_of_architecture(rule):
    """Digest of the source of a rule with the wildcard ``architecture``."""
    return lambda wildcards: source_of(rule, wildcards.architecture)


def single_job(
    rule_name,
    what,
    inputs=None,
    outputs=None,
    params=None,
    architectures=(),
    resources=LARGE,
    cores=4,
    script_name=None,
):
    """Declare a rule that has one job. Its log, benchmark and script have its name.

    ``what`` is printed when it begins; ``inputs``, ``outputs`` and ``params`` are by name;
    ``architectures`` are those whose source its result depends on.
    """

    rule:
        name:
            rule_name
        input:
            **(inputs or {}),
        output:
            **outputs,
        log:
            log_of(rule_name),
        benchmark:
            benchmark_of(rule_name)
        conda:
            "../../envs/trussmap.yaml"
        threads: 1 if resources is SMALL else cores
        resources:
            **resources,
        params:
            **(params or {}),
            source=source_of(script_name or rule_name, *architectures),
        message:
            what
        script:
            f"../scripts/{script_name or rule_name}.py"


def files_of(folder, *names):
    """Files in a folder of results, by their names without ending."""
    return {name.partition(".")[0]: f"{RESULTS}/{folder}/{name}" for name in names}


def loads_of(yield_stress=None, load=None):
    """What the tables of designs say of strength: of the base material, and of loads."""
    return {
        "yield_stress": yield_stress,
        "loads": {"stress": load, "buckling_length": config["buckling_length"]},
    }


def shard_bounds(wildcards):
    """First design of a shard, and the one after its last."""
    start = int(wildcards.shard) * config["sampling"]["shard_size"]
    return [start, min(start + config["sampling"]["shard_size"], config["sampling"]["designs"])]


def networks(folder, architecture, names=None):
    """Files of the networks of an architecture, all or those named, in a folder."""
    return expand(
        f"{folder}/{architecture}/{{network}}.{{kind}}",
        network=names if names is not None else NETWORKS[architecture],
        kind=["safetensors", "json"],
    )


def models(architecture):
    """The trained networks of the study."""
    return networks(f"{RESULTS}/models", architecture)


def scaling_folder(wildcards):
    """Folder of the networks of a scaling point that are not those of the study."""
    return f"{RESULTS}/scaling/{wildcards.designs}_{wildcards.effort}{wildcards.run}"


def run_seed(wildcards):
    """Seed of the trainings of a scaling point: the study's, or another for a further run."""
    if not wildcards.run:
        return config["seed"]
    return stream(config["seed"], "run", int(wildcards.run[1:]))


def parents(folder):
    """Input function: the networks in a folder that one is trained through."""

    def files(wildcards):
        names = NETWORKS[wildcards.architecture][wildcards.network].parents
        return networks(folder(wildcards), wildcards.architecture, names)

    return files


def scaled_models(wildcards):
    """Networks of a scaling point, or those of its forward model alone.

    With all designs and all compute they are the networks of the study.
    """
    total = config["sampling"]["designs"]
    if [wildcards.designs, wildcards.effort, wildcards.run] == [str(total), "1", ""]:
        files = models(wildcards.architecture)
    else:
        files = networks(scaling_folder(wildcards), wildcards.architecture)
    return [path for path in files if not wildcards.alone or Path(path).stem != "inverse"]


#: The architectures that have points in the scaling study.
COMPARED = [*(config["scaling"]["efforts"] | config["scaling"]["forward_efforts"])]


def scaling_files(architectures, only_all=False):
    """Results of the points of the scaling study, or of those with all designs only."""
    study = config["sampling"]["designs"], ARCHITECTURES
    points = scaling_points(config["scaling"], *study, architectures, only_all)
    return [f"{RESULTS}/scaling/{point}.json" for point in points]


def settings_of_training(wildcards):
    """Settings of the training of a network."""
    shared = ["precision", "threads", "checkpoint_seconds"]
    network = config["model"][wildcards.architecture][wildcards.network]
    return network | {key: config["model"][key] for key in shared}


def published_settings(_):
    """Settings of the published trainings: those of this study under `studies/paper.yaml`."""
    settings = deepcopy(config)
    with open(PUBLISHED_STUDY, encoding="utf-8") as file:
        update_config(settings, yaml.safe_load(file))
    return {key: settings[key] for key in ["sampling", "dataset", "model"]}
