"""A study as a Workflow Run RO-Crate: all its files, the workflow and source that made them, and which made which.

Profiles: Workflow Run Crate 0.5 and Process Run Crate 0.5 (Leo et al., PLOS ONE 19(9) e0309210, 2024), and Workflow
RO-Crate 1.0.
"""

import shutil
from datetime import UTC, datetime
from pathlib import Path

from trussmap import __version__
from trussmap.errors import InputError
from trussmap.records import read_record

_PROFILES = [
    "https://w3id.org/ro/wfrun/process/0.5",
    "https://w3id.org/ro/wfrun/workflow/0.5",
    "https://w3id.org/workflowhub/workflow-ro-crate/1.0",
]
#: What of the project is needed to check a study, and to make it again.
_PROJECT = [
    "Snakefile",
    "config.yaml",
    "studies",
    "workflow",
    "resources",
    "src",
    "pyproject.toml",
    "requirements.lock",
]
_PROJECT += ["README.md", "LICENSE", "CITATION.cff"]


def write_crate(folder: str | Path, out: str | Path, project: str | Path) -> int:
    """Write a finished study as a crate to a new folder ``out``; returns how many files it has.

    Every file of the study has the digest that stands in the record of the job that made it, and every job is an action
    with its inputs and outputs. ``project`` is the folder of the Snakefile. Raises InputError where there is no study,
    no Snakefile, or something at ``out``.
    """
    from rocrate.model.contextentity import ContextEntity
    from rocrate.rocrate import ROCrate

    folder, out, project = Path(folder), Path(out), Path(project)
    if not (folder / "metrics.json").is_file() or not (project / "Snakefile").is_file():
        raise InputError(f"{folder}: expected a finished study, and the Snakefile that made it in {project}.")
    if out.resolve().is_relative_to(folder.resolve()):
        raise InputError(f"{out}: lies in the study; expected a folder outside it.")
    if out.exists():
        raise InputError(f"{out}: is there already; expected the name of a new folder.")
    crate = ROCrate(version="1.1")  # which the profiles are of
    made = datetime.fromtimestamp((folder / "metrics.json").stat().st_mtime, UTC)
    crate.name = f"Study {folder.name} of trussmap {__version__}"
    crate.description = "Truss lattices from stiffness: data set, networks, designs, figures and what each was made of"
    crate.license, crate.datePublished = "https://spdx.org/licenses/MIT", made
    crate.root_dataset["conformsTo"] = [
        crate.add(
            ContextEntity(crate, url, {"@type": "CreativeWork", "name": url.split("/ro/")[-1], "version": url[-3:]})
        )
        for url in _PROFILES
    ]
    ignored = shutil.ignore_patterns("__pycache__", "*.egg-info")
    files = {}
    for name in _PROJECT:
        for path in sorted((project / name).rglob("*")) if (project / name).is_dir() else [project / name]:
            own = path.relative_to(project).as_posix()
            if path.is_file() and own != "Snakefile" and not ignored(None, Path(own).parts):
                code = {"@type": ["File", "SoftwareSourceCode"], "name": path.stem} if path.suffix == ".py" else {}
                files[f"project/{own}"] = crate.add_file(path, f"project/{own}", properties=code)
    workflow = crate.add_workflow(project / "Snakefile", "project/Snakefile", main=True, lang="snakemake")
    workflow["name"] = "Study of trussmap"
    records = [read_record(path, path) for path in sorted((folder / "provenance").glob("*/*.json"))]
    digests = {name: digest for record in records for name, digest in record["outputs"].items()}
    for path in sorted(p for p in folder.rglob("*") if p.is_file() and not p.name.startswith(".")):
        name = path.relative_to(folder).as_posix()
        if not path.is_symlink():
            known = {"sha256": digests[name]} if name in digests else {}
            files[name] = crate.add_file(path, f"study/{name}", properties=known)
    for name in digests:
        if (folder / name).is_dir():
            files[name] = crate.add_dataset(dest_path=f"study/{name}/", properties={"name": name})

    def entities(names):
        return [files[name] for name in names if name in files]

    def action(identifier, name, instrument, inputs, outputs):
        properties = {"@type": "CreateAction", "name": name, "endTime": made.isoformat(timespec="seconds")}
        own = crate.add(ContextEntity(crate, identifier, properties))
        own["instrument"], own["object"], own["result"] = instrument, entities(inputs), entities(outputs)
        return own

    whole = action("#run", crate.name, workflow, ["project/config.yaml"], ["metrics.json", "report.html"])
    actions = [whole]
    for record in records:
        script = files.get(f"project/workflow/scripts/{record['rule']}.py", workflow)
        job = " ".join([record["rule"], *map(str, record["wildcards"].values())])
        identifier = f"#{job.replace(' ', '-')}"
        actions.append(action(identifier, job, script, record["inputs"], record["outputs"]))
    crate.root_dataset["mentions"] = actions
    crate.write(out)
    # So that the study can be audited in the crate too: made_by/, which leads from files to records.
    shutil.copytree(folder / "made_by", out / "study" / "made_by", symlinks=True)
    return len(files)
