# What several rules need to know.
import shutil
import subprocess
from math import ceil

PUBLISHED_STUDY = PROJECT / "studies/paper.yaml"

SHARDS = [
    f"{shard:04d}"
    for shard in range(
        ceil(config["sampling"]["designs"] / config["sampling"]["shard_size"])
    )
]


#: MB of the two processes of Snakemake's that run a job on a cluster, which count with it.
DRIVERS = 300


def memory(megabytes):
    """Memory of a job, with room for what drives it on a cluster; a job that is tried again gets as much more."""
    return lambda wildcards, attempt: attempt * (megabytes + DRIVERS)


def minutes(count):
    """Time limit of a job; one that is tried again gets as much more."""
    return lambda wildcards, attempt: attempt * count


def check_nodes():
    """On a cluster, end at once if it does not answer, or a job has more threads than any node: it would wait for ever."""
    nodes = ["sinfo", "--Node", "--noheader", "--format=%c"]
    if workflow.local_exec or not shutil.which(nodes[0]):
        return
    found = subprocess.run(nodes, capture_output=True, text=True, errors="replace")
    if found.returncode:
        raise WorkflowError(
            f"Slurm does not answer, so no job was submitted: {found.stderr.strip()}"
        )
    most = max(map(int, found.stdout.split()), default=0)
    for job in workflow.dag.needrun_jobs():
        if 0 < most < job.threads:
            raise WorkflowError(
                f"rule {job.rule.name} has {job.threads} threads, and the largest node {most} cores; give the option "
                f"--max-threads {most}, or state it in the profile."
            )


def log_of(rule, job=None):
    """Where a rule, or one of its jobs, says what it does."""
    return f"{RESULTS}/logs/{rule}/{job or rule}.log"


def benchmark_of(rule, job=None):
    """Where Snakemake writes time and memory of a rule, or of one of its jobs."""
    return f"{RESULTS}/benchmarks/{rule}/{job or rule}.tsv"


def timing_of(rule, job=None):
    """Where a rule, or one of its jobs, tells what it timed: apart from its results, which are the same in every run."""
    return f"{RESULTS}/timings/{rule}/{job or rule}.json"


def source_of(rule, *architectures):
    """Digest of the source that a rule's result depends on: its script's, and that of architectures it uses or names.

    It is a parameter of every rule, so that an edit of the library makes again what it touches. Architectures are told
    because the library finds them by name, which no digest of imports sees.
    """
    own = [f"trussmap.learning.{architecture}" for architecture in architectures]
    return source_digest(f"{workflow.basedir}/workflow/scripts/{rule}.py", *own)


def source_of_architecture(rule):
    """The same for rules with the wildcard ``architecture``."""
    return lambda wildcards: source_of(rule, wildcards.architecture)


def loads_of(yield_stress=None, load=None):
    """What the columns of strength in a table of designs are for."""
    return {
        "yield_stress": yield_stress,
        "load": load,
        "effective_length": config["buckling_length"],
        "poisson_ratio": config["poisson_ratio"],
    }


def shard_bounds(wildcards):
    """First design of a shard, and the one after its last."""
    size, total = config["sampling"]["shard_size"], config["sampling"]["designs"]
    start = int(wildcards.shard) * size
    return [start, min(start + size, total)]


def networks(folder, architecture, names=None):
    """Files of the trained networks of an architecture, or of some of them, in a folder of networks."""
    return expand(
        f"{folder}/{architecture}/{{network}}.{{kind}}",
        network=names if names is not None else NETWORKS[architecture],
        kind=["safetensors", "json"],
    )


def models(architecture):
    """The trained networks of the study."""
    return networks(f"{RESULTS}/models", architecture)


def scaling_folder(wildcards):
    """Folder of the networks of a point of the scaling study that are not the study's own."""
    point = f"{wildcards.designs}_{wildcards.effort}{wildcards.run}"
    return f"{RESULTS}/scaling/{point}"


def run_seed(wildcards):
    """Seed of the trainings of a point of the scaling study: the study's own, and others for further runs."""
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
    """The networks of a point of the scaling study; with all designs and all compute they are the study's own."""
    total = config["sampling"]["designs"]
    if [wildcards.designs, wildcards.effort, wildcards.run] == [str(total), "1", ""]:
        return models(wildcards.architecture)
    return networks(scaling_folder(wildcards), wildcards.architecture)


def forward_alone(wildcards):
    """Those of them that make the forward model."""
    return [path for path in scaled_models(wildcards) if Path(path).stem != "inverse"]


def runs(efforts):
    """Efforts as they stand in names; one that is listed again is another run, with a seed of its own."""
    listed = [f"{effort:g}" for effort in efforts]
    for place, effort in enumerate(listed):
        earlier = listed[:place].count(effort)
        yield f"{effort}_{earlier + 1}" if earlier else effort


#: The architectures that have points in the scaling study.
COMPARED = list(
    dict.fromkeys(
        [*config["scaling"]["efforts"], *config["scaling"]["forward_efforts"]]
    )
)


def scaling_points(architectures, only_all=False):
    """Names of the points of the scaling study: architecture, designs, effort, further runs, `forward` where alone."""
    scaling, total = config["scaling"], config["sampling"]["designs"]
    points = []
    for architecture in architectures:
        efforts = scaling["efforts"].get(architecture, [])
        if efforts and architecture in ARCHITECTURES and not only_all:
            fewer = [n for n in scaling["designs"] if n < total]
            points += [f"{architecture}_{n}_{scaling['effort']:g}" for n in fewer]
        points += [f"{architecture}_{total}_{run}" for run in runs(efforts)]
        alone = scaling["forward_efforts"].get(architecture, [])
        points += [f"{architecture}_{total}_{run}_forward" for run in runs(alone)]
    return points


def settings_of_training(wildcards):
    """Settings of a network, and those that all trainings share."""
    shared = ["precision", "threads", "checkpoint_seconds"]
    own = config["model"][wildcards.architecture][wildcards.network]
    return own | {key: config["model"][key] for key in shared}


def published_settings(_):
    """Settings of the published trainings: this study's with those of `studies/paper.yaml` put over them."""
    settings = deepcopy(config)
    with open(PUBLISHED_STUDY, encoding="utf-8") as file:
        update_config(settings, yaml.safe_load(file))
    return {key: settings[key] for key in ["sampling", "dataset", "model"]}
