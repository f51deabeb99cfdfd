"""Networks of a finished study."""

import json
from pathlib import Path
from typing import NamedTuple

from trussmap.base.errors import InputError
from trussmap.base.records import Study
from trussmap.learning.interfaces import Networks
from trussmap.learning.models import load_networks, pretrained
from trussmap.learning.registry import architectures
from trussmap.tensors.stiffness import POISSON_RATIO, check_poisson_ratio


class StudyModels(NamedTuple):
    """Networks of a study and Poisson's ratio of the base material in its data."""

    networks: Networks
    poisson_ratio: float


def load_models(study_dir: str | Path | None = None) -> StudyModels:
    """Load the models with which a finished study (results/<study>) designs.

    Without a study, loads the models that are bundled with the package. Raises InputError where
    there is no such study.
    """
    if study_dir is None:
        return StudyModels(load_networks(pretrained()), POISSON_RATIO)

    study_dir = Path(study_dir)
    path = _settings_file(study_dir)
    records = Study(study_dir)
    records.digests([path])
    architecture, poisson_ratio = settings_of(path)

    directory = study_dir / "models" / architecture
    names = architectures()[architecture].networks
    endings = ("json", "safetensors")
    records.digests([directory / f"{name}.{ending}" for name in names for ending in endings])
    return StudyModels(load_networks(directory), poisson_ratio)


def trained_poisson_ratio(study_dir: str | Path | None = None) -> float:
    """Poisson's ratio of the base material that the networks of `load_models` were trained at."""
    return POISSON_RATIO if study_dir is None else settings_of(_settings_file(Path(study_dir)))[1]


def _settings_file(study_dir: Path) -> Path:
    """The study.json of a finished study, InputError where there is none."""
    path = study_dir / "study.json"
    if not path.is_file():
        known = sorted(path.parent.name for path in study_dir.parent.glob("*/study.json"))
        expected = f"one of {', '.join(known)}" if known else "one made"
        raise InputError(
            f"{study_dir}: no finished study; expected {expected} "
            f"by `make study STUDY={study_dir.name}`."
        )
    return path


def settings_of(path: str | Path) -> tuple[str, float]:
    """Read architecture and Poisson's ratio from the study.json of a study.

    It is the architecture with which the study designs. Raises InputError where one of them is
    missing or not valid.
    """
    try:
        settings = json.loads(Path(path).read_text(encoding="utf-8"))
        architecture = settings["model"]["architecture"]
        poisson_ratio = float(settings.get("poisson_ratio", POISSON_RATIO))
        known = isinstance(architecture, str) and architecture in architectures()
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        words = " ".join(repr(error).split())[:200]
        raise InputError(
            f"{path}: not the settings of a study ({words}); make the study again."
        ) from error
    if not known:
        names = ", ".join(architectures())
        raise InputError(f"{path}, key model.architecture: expected one of {names}.")
    check_poisson_ratio(poisson_ratio, f"{path}, key poisson_ratio")
    return architecture, poisson_ratio
