"""Write the resolved settings of the study and the versions that made it: `study.json`."""

from trussmap.study.job import job

with job(snakemake):
    import platform
    from importlib.metadata import version

    from trussmap.base.io import write_json

    packages = ["trussmap", "numpy", "numba", "torch", "snakemake"]
    settings = dict(snakemake.params.settings)
    settings["versions"] = {"python": platform.python_version()} | {
        name: version(name) for name in packages
    }
    write_json(settings, snakemake.output[0])
