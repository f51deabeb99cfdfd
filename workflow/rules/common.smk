# What several rules need to know.
from math import ceil

SHARDS = [
    f"{shard:04d}"
    for shard in range(
        ceil(config["sampling"]["designs"] / config["sampling"]["shard_size"])
    )
]


def log_of(rule, job=None):
    """Where a rule, or one of its jobs, says what it does."""
    return f"{RESULTS}/logs/{rule}/{job or rule}.log"


def benchmark_of(rule, job=None):
    """Where Snakemake writes time and memory of a rule, or of one of its jobs."""
    return f"{RESULTS}/benchmarks/{rule}/{job or rule}.tsv"


def source_of(rule, architecture=None):
    """Digest of the source that a rule's result depends on: its script's, and that of an architecture it trains or uses.

    It is a parameter of every rule, so that an edit of the library makes again what it touches.
    """
    own = [f"trussmap.learning.{architecture}"] if architecture else []
    return source_digest(f"{workflow.basedir}/workflow/scripts/{rule}.py", *own)


def source_of_architecture(rule):
    """The same for rules with the wildcard ``architecture``."""
    return lambda wildcards: source_of(rule, wildcards.architecture)


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
    return f"{RESULTS}/scaling/{wildcards.designs}_{wildcards.effort}"


def parents(folder):
    """Input function: the networks in a folder that one is trained through."""

    def files(wildcards):
        names = NETWORKS[wildcards.architecture][wildcards.network].parents
        return networks(folder(wildcards), wildcards.architecture, names)

    return files


def scaled_models(wildcards):
    """The networks of a point of the scaling study; with all designs and all compute they are the study's own."""
    if [wildcards.designs, wildcards.effort] == [
        str(config["sampling"]["designs"]),
        "1",
    ]:
        return models(wildcards.architecture)
    return networks(scaling_folder(wildcards), wildcards.architecture)


def scaling_points():
    """Names of the points of the scaling study: architecture, designs, effort."""
    scaling, total = config["scaling"], config["sampling"]["designs"]
    return [
        f"{architecture}_{designs}_{effort:g}"
        for architecture, efforts in scaling["efforts"].items()
        if efforts
        for designs, effort in [
            *[
                (n, scaling["effort"])
                for n in scaling["designs"]
                if n < total and architecture in ARCHITECTURES
            ],
            *[(total, effort) for effort in efforts],
        ]
    ]
