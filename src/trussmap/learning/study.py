"""The networks of a finished study."""

import json
from pathlib import Path

from trussmap.errors import InputError
from trussmap.learning.models import load_forward, load_inverse, pretrained
from trussmap.learning.registry import architectures
from trussmap.records import Study
from trussmap.stiffness import POISSON_RATIO


def load_models(study_dir: str | Path | None = None) -> tuple:
    """Forward and inverse model of the architecture that designs in a finished study (results/<study>), and the
    Poisson's ratio of the base material that they were trained at.

    Without a study, the models that come with the package. Raises InputError where there is no such study.
    """
    if study_dir is None:
        return load_forward(pretrained()), load_inverse(pretrained()), POISSON_RATIO
    study_dir = Path(study_dir)
    path = study_dir / "study.json"
    if not path.is_file():
        known = sorted(path.parent.name for path in study_dir.parent.glob("*/study.json"))
        raise InputError(
            f"{study_dir}: no finished study; expected {'one of ' + ', '.join(known) if known else 'one made'} "
            f"by `make study STUDY={study_dir.name}`."
        )
    records = Study(study_dir)
    records.digests([path])
    try:
        settings = json.loads(path.read_text())
        architecture = settings["model"]["architecture"]
        poisson_ratio = float(settings.get("poisson_ratio", POISSON_RATIO))
        names = architectures()[architecture].networks
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise InputError(f"{path}: not the settings of a study ({error!r}); make the study again.") from error
    directory = study_dir / "models" / architecture
    records.digests([directory / f"{name}.{kind}" for name in names for kind in ("json", "safetensors")])
    return load_forward(directory), load_inverse(directory), poisson_ratio
