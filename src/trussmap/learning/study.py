"""The networks of a finished study."""

import json
from pathlib import Path

from trussmap.errors import InputError
from trussmap.learning.models import load_forward, load_inverse, pretrained
from trussmap.learning.registry import architectures
from trussmap.records import Study
from trussmap.stiffness import POISSON_RATIO, check_poisson_ratio


def load_models(study_dir: str | Path | None = None) -> tuple:
    """Forward and inverse model of the architecture that designs in a finished study (results/<study>), and the
    Poisson's ratio of the base material that they were trained at.

    Without a study, the models that come with the package. Raises InputError where there is no such study.
    """
    if study_dir is None:
        return load_forward(pretrained()), load_inverse(pretrained()), POISSON_RATIO
    study_dir = Path(study_dir)
    path = _settings_file(study_dir)
    records = Study(study_dir)
    records.digests([path])
    architecture, poisson_ratio = settings_of(path)
    directory, names = study_dir / "models" / architecture, architectures()[architecture].networks
    records.digests([directory / f"{name}.{kind}" for name in names for kind in ("json", "safetensors")])
    return load_forward(directory), load_inverse(directory), poisson_ratio


def trained_poisson_ratio(study_dir: str | Path | None = None) -> float:
    """Poisson's ratio of the base material that the networks of `load_models` were trained at."""
    return POISSON_RATIO if study_dir is None else settings_of(_settings_file(Path(study_dir)))[1]


def _settings_file(study_dir: Path) -> Path:
    """The study.json of a finished study, InputError where there is none."""
    path = study_dir / "study.json"
    if not path.is_file():
        known = sorted(path.parent.name for path in study_dir.parent.glob("*/study.json"))
        raise InputError(
            f"{study_dir}: no finished study; expected {'one of ' + ', '.join(known) if known else 'one made'} "
            f"by `make study STUDY={study_dir.name}`."
        )
    return path


def settings_of(path: str | Path) -> tuple[str, float]:
    """The architecture that designs and the Poisson's ratio in the study.json of a study.

    Raises InputError where they are not to be had.
    """
    try:
        settings = json.loads(Path(path).read_text(encoding="utf-8"))
        architecture = settings["model"]["architecture"]
        poisson_ratio = float(settings.get("poisson_ratio", POISSON_RATIO))
        known = isinstance(architecture, str) and architecture in architectures()
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        words = " ".join(repr(error).split())[:200]
        raise InputError(f"{path}: not the settings of a study ({words}); make the study again.") from error
    if not known:
        raise InputError(f"{path}, key model.architecture: expected one of {', '.join(architectures())}.")
    check_poisson_ratio(poisson_ratio, f"{path}, key poisson_ratio")
    return architecture, poisson_ratio
