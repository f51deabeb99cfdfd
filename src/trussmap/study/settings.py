"""Settings of a study, checked against a schema.

Errors name the file and the key.
"""

from collections.abc import Iterable, Mapping, Sequence
from math import isfinite
from pathlib import Path
from typing import Any

import jsonschema
import yaml

from trussmap.base.errors import InputError

_is_number = jsonschema.Draft202012Validator.TYPE_CHECKER.is_type
#: A JSON schema validator that does not accept nan and inf as numbers.
_Validator = jsonschema.validators.extend(
    jsonschema.Draft202012Validator,
    type_checker=jsonschema.Draft202012Validator.TYPE_CHECKER.redefine(
        "number", lambda _, value: _is_number(value, "number") and isfinite(value)
    ),
)


def check_settings(
    settings: Mapping[str, Any],
    schema: str | Path,
    files: Sequence[str | Path],
    command_line: Mapping[str, Any] | None = None,
) -> None:
    """Raise InputError for the first setting that breaks the schema.

    ``schema`` is the path of a JSON schema (YAML). ``files`` were merged into ``settings`` in
    their order, then the settings of the ``command_line``. The error names the one of these that
    has the fault.
    """
    validator = _Validator(_read(schema))
    errors = sorted(validator.iter_errors(settings), key=lambda e: (len(e.path), str(e.path)))
    if not errors:
        return

    error = errors[0]
    path = list(error.path)
    if error.validator == "additionalProperties":
        known = error.schema["properties"]
        path.append(next(k for k in error.instance if k not in known))
        why = f"there is no such setting; expected one of {', '.join(known)}"
    elif error.validator == "required":
        path.append(next(k for k in error.validator_value if k not in error.instance))
        why = "is missing"
    else:
        meaning = error.schema.get("description")
        why = error.message + (f"; expected {meaning}" if meaning else "")

    sources = [
        ("the command line", command_line or {}),
        *((Path(f).name, _read(f)) for f in reversed(files)),
    ]
    source = next((source for source, given in sources if _has(given, path)), Path(files[0]).name)
    raise InputError(f"{source}, key {'.'.join(map(str, path))}: {why}.")


def study_file(name: str, folder: str | Path) -> str:
    """Return the path of a study's overlay, ``folder``/``name``.yaml.

    The study laptop has none. Raises InputError, with the names that exist, for another name.
    """
    path = Path(folder) / f"{name}.yaml"
    if not path.is_file():
        known = ["laptop", *sorted(file.stem for file in Path(folder).glob("*.yaml"))]
        words = f"there is no {path.parent.name}/{path.name}; expected one of {', '.join(known)}."
        raise InputError(f"study {name}: {words}")
    return str(path)


def typed(settings: Mapping[str, Any]) -> dict[str, Any]:
    """Return settings of the command line with texts read as values.

    Snakemake (9) reads numbers in ``--config design='{block: 2}'`` as texts.

    >>> typed({"design": {"block": "2", "targets": "bone.csv", "load": ["0", "-1"]}})
    {'design': {'block': 2, 'targets': 'bone.csv', 'load': [0, -1]}}
    """
    return {key: _typed(value) for key, value in settings.items()}


def _typed(value: Any) -> Any:
    if type(value) is dict:
        return typed(value)
    if type(value) is list:
        return [_typed(item) for item in value]
    return yaml.safe_load(value) if type(value) is str else value


def _read(path: str | Path) -> Any:
    with open(path, encoding="utf-8") as file:
        return yaml.safe_load(file)


def _has(settings: Any, path: Iterable[str | int]) -> bool:
    """Whether settings have a value at a path of keys."""
    for key in path:
        try:
            settings = settings[key]
        except (KeyError, IndexError, TypeError):
            return False
    return True
