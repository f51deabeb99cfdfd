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


def parents(wildcards):
    """The networks that one is trained through."""
    networks = NETWORKS[wildcards.architecture]
    return networks[: networks.index(wildcards.network)]


def scaled_networks(wildcards, networks):
    """Some of the networks that are trained for a point of the scaling study."""
    folder = f"{RESULTS}/scaling/{wildcards.designs}_{wildcards.effort}/{wildcards.architecture}"
    return expand(
        f"{folder}/{{network}}.{{kind}}",
        network=networks,
        kind=["safetensors", "json"],
    )


def scaled_models(wildcards):
    """The networks of a point of the scaling study; with all designs and all compute they are the study's own."""
    if [wildcards.designs, wildcards.effort] == [
        str(config["sampling"]["designs"]),
        "1",
    ]:
        return models(wildcards.architecture)
    return scaled_networks(wildcards, NETWORKS[wildcards.architecture])


def scaling_points():
    """Names of the points of the scaling study: architecture, designs, effort."""
    scaling, total = config["scaling"], config["sampling"]["designs"]
    return [
        f"{architecture}_{designs}_{effort:g}"
        for architecture, efforts in scaling["efforts"].items()
        for designs, effort in [
            *[(n, scaling["effort"]) for n in scaling["designs"] if n < total],
            *[(total, effort) for effort in efforts],
        ]
    ]
