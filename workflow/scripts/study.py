"""Write the resolved settings of the study and the versions that made it: `study.json`."""

from trussmap.progress import rule_log

with rule_log(snakemake.log[0]):
    import json
    import platform
    from importlib.metadata import version

    from trussmap.io import atomic_path

    packages = ["trussmap", "numpy", "numba", "torch", "snakemake"]
    settings = dict(snakemake.params.settings)
    settings["versions"] = {"python": platform.python_version()} | {name: version(name) for name in packages}
    with atomic_path(snakemake.output[0]) as path:
        path.write_text(json.dumps(settings, indent=2) + "\n")
