"""The networks of a finished study."""

import json
from pathlib import Path

from trussmap.errors import InputError
from trussmap.learning.models import load_forward, load_inverse, pretrained
from trussmap.stiffness import POISSON_RATIO


def load_models(study_dir: str | Path | None = None) -> tuple:
    """Forward and inverse model of the architecture that designs in a finished study (results/<study>), and the
    Poisson's ratio of the base material that they were trained at.

    Without a study, the models that come with the package. Raises InputError where there is no such study.
    """
    if study_dir is None:
        return load_forward(pretrained()), load_inverse(pretrained()), POISSON_RATIO
    study_dir = Path(study_dir)
    try:
        settings = json.loads((study_dir / "study.json").read_text())
    except FileNotFoundError:
        known = sorted(path.parent.name for path in study_dir.parent.glob("*/study.json"))
        raise InputError(
            f"{study_dir}: no finished study; expected {'one of ' + ', '.join(known) if known else 'one made'} "
            f"by `make study STUDY={study_dir.name}`."
        ) from None
    directory = study_dir / "models" / settings["model"]["architecture"]
    return load_forward(directory), load_inverse(directory), settings.get("poisson_ratio", POISSON_RATIO)
