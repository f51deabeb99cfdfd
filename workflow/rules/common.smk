# What several rules need to know.


def shard_bounds(wildcards):
    """First design of a shard, and the one after its last."""
    size, total = config["sampling"]["shard_size"], config["sampling"]["designs"]
    start = int(wildcards.shard) * size
    return [start, min(start + size, total)]


def models(architecture):
    """The trained networks of an architecture."""
    return expand(
        f"{RESULTS}/models/{architecture}/{{network}}.{{kind}}",
        network=NETWORKS[architecture],
        kind=["safetensors", "json"],
    )
