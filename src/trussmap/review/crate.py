"""A study as a Workflow Run RO-Crate.

The crate has all its files, and the workflow and source that made them.
Profiles: Workflow Run Crate 0.5 and Process Run Crate 0.5 (Leo et al., PLOS ONE 19(9) e0309210,
2024), and Workflow RO-Crate 1.0.
"""

import shutil
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from trussmap import __version__
from trussmap.base.errors import InputError
from trussmap.base.records import Record, read_record

_PROFILES = [
    "https://w3id.org/ro/wfrun/process/0.5",
    "https://w3id.org/ro/wfrun/workflow/0.5",
    "https://w3id.org/workflowhub/workflow-ro-crate/1.0",
]
#: Files and folders of the project that are needed to check a study and to repeat it.
_PROJECT = [
    "Snakefile",
    "config.yaml",
    "studies",
    "workflow",
    "resources",
    "src",
    "pyproject.toml",
    "requirements.lock",
    "README.md",
    "LICENSE",
    "CITATION.cff",
]


def write_crate(folder: str | Path, out: str | Path, project: str | Path) -> int:
    """Write a finished study as a crate and return its number of files.

    Every file of the study gets the digest that the record of its job states, and every job is an
    action with its inputs and outputs.

    Parameters
    ----------
    folder : the folder of the study
    out : a new folder for the crate
    project : the folder of the Snakefile

    Raises InputError if there is no study, no Snakefile, or something at ``out``.
    """
    folder = Path(folder)
    out = Path(out)
    project = Path(project)
    _check_folders(folder, out, project)

    crate = _Crate(folder, project)
    crate.add_actions()
    crate.crate.write(out)
    # made_by/ leads from files to records; with it, the study in the crate can be audited too.
    shutil.copytree(folder / "made_by", out / "study" / "made_by", symlinks=True)
    return len(crate.files)


def _check_folders(folder: Path, out: Path, project: Path) -> None:
    """Raise InputError if a crate cannot be written from these folders."""
    if not (folder / "metrics.json").is_file() or not (project / "Snakefile").is_file():
        words = f"expected a finished study, and the Snakefile that made it in {project}."
        raise InputError(f"{folder}: {words}")
    if out.resolve().is_relative_to(folder.resolve()):
        raise InputError(f"{out}: lies in the study; expected a folder outside it.")
    if out.exists():
        raise InputError(f"{out}: is there already; expected the name of a new folder.")


class _Crate:
    """A crate with all files of a study and its project.

    ``files`` maps names in the study, or ``project/…``, to entities of the crate.
    """

    def __init__(self, folder: Path, project: Path) -> None:
        from rocrate.rocrate import ROCrate

        self.folder = folder
        self.date = datetime.fromtimestamp((folder / "metrics.json").stat().st_mtime, UTC)
        self.records = [
            read_record(path, path) for path in sorted((folder / "provenance").glob("*/*.json"))
        ]
        self.files: dict[str, Any] = {}

        self.crate = ROCrate(version="1.1")  # The profiles are based on this version.
        self.crate.name = f"Study {folder.name} of trussmap {__version__}"
        self.crate.description = (
            "Truss lattices from stiffness: data set, networks, designs, figures "
            "and what each was made of"
        )
        self.crate.license = "https://spdx.org/licenses/MIT"
        self.crate.datePublished = self.date
        self.crate.root_dataset["conformsTo"] = [self._profile(url) for url in _PROFILES]

        self._add_project(project)
        self.workflow = self.crate.add_workflow(
            project / "Snakefile", "project/Snakefile", main=True, lang="snakemake"
        )
        self.workflow["name"] = "Study of trussmap"
        self._add_study()

    def add_actions(self) -> None:
        """Add the whole run and every job as actions."""
        outputs = ["metrics.json", "report.html"]
        name = self.crate.name
        actions = [self._action("#run", name, self.workflow, ["project/config.yaml"], outputs)]
        actions += [self._action_of_job(record) for record in self.records]
        self.crate.root_dataset["mentions"] = actions

    def _profile(self, url: str) -> Any:
        name = url.split("/ro/")[-1]
        return self._entity(url, {"@type": "CreativeWork", "name": name, "version": url[-3:]})

    def _entity(self, identifier: str, properties: dict[str, Any]) -> Any:
        from rocrate.model.contextentity import ContextEntity

        return self.crate.add(ContextEntity(self.crate, identifier, properties))

    def _add_project(self, project: Path) -> None:
        for path in _project_files(project):
            name = f"project/{path.relative_to(project).as_posix()}"
            code = {"@type": ["File", "SoftwareSourceCode"], "name": path.stem}
            properties = code if path.suffix == ".py" else {}
            self.files[name] = self.crate.add_file(path, name, properties=properties)

    def _add_study(self) -> None:
        digests = {
            name: digest for record in self.records for name, digest in record["outputs"].items()
        }
        for path in sorted(p for p in self.folder.rglob("*") if p.is_file()):
            if path.name.startswith(".") or path.is_symlink():
                continue
            name = path.relative_to(self.folder).as_posix()
            properties = {"sha256": digests[name]} if name in digests else {}
            self.files[name] = self.crate.add_file(path, f"study/{name}", properties=properties)
        for name in digests:
            if (self.folder / name).is_dir():
                self.files[name] = self.crate.add_dataset(
                    dest_path=f"study/{name}/", properties={"name": name}
                )

    def _action_of_job(self, record: Record) -> Any:
        script = self.files.get(f"project/workflow/scripts/{record['rule']}.py", self.workflow)
        job = " ".join([record["rule"], *map(str, record["wildcards"].values())])
        identifier = f"#{job.replace(' ', '-')}"
        return self._action(identifier, job, script, record["inputs"], record["outputs"])

    def _action(
        self,
        identifier: str,
        name: str,
        instrument: Any,
        inputs: Iterable[str],
        outputs: Iterable[str],
    ) -> Any:
        date = self.date.isoformat(timespec="seconds")
        properties = {"@type": "CreateAction", "name": name, "endTime": date}
        action = self._entity(identifier, properties)
        action["instrument"] = instrument
        action["object"] = [self.files[file] for file in inputs if file in self.files]
        action["result"] = [self.files[file] for file in outputs if file in self.files]
        return action


def _project_files(project: Path) -> Iterator[Path]:
    """Yield the files of the project, except the Snakefile."""
    ignored = shutil.ignore_patterns("__pycache__", "*.egg-info")
    for name in _PROJECT:
        is_folder = (project / name).is_dir()
        for path in sorted((project / name).rglob("*")) if is_folder else [project / name]:
            names = [*path.relative_to(project).parts]
            if path.is_file() and names != ["Snakefile"] and not ignored("", names):
                yield path
