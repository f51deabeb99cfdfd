"""Settings of a study: checked against a schema, with errors that name file and key."""

from math import isfinite
from pathlib import Path

import jsonschema
import yaml

from trussmap.errors import InputError

_is_number = jsonschema.Draft202012Validator.TYPE_CHECKER.is_type
#: A JSON schema validator to which nan and inf are no numbers.
_Validator = jsonschema.validators.extend(
    jsonschema.Draft202012Validator,
    type_checker=jsonschema.Draft202012Validator.TYPE_CHECKER.redefine(
        "number", lambda _, value: _is_number(value, "number") and isfinite(value)
    ),
)


def check_settings(settings: dict, schema: str | Path, files: list, command_line: dict | None = None) -> None:
    """Raise InputError for the first setting that breaks the schema.

    ``schema`` is the path of a JSON schema (YAML). ``files`` were merged into ``settings`` in their order, then the
    settings of the ``command_line``; they tell where the fault stands.
    """
    validator = _Validator(_read(schema))
    errors = sorted(validator.iter_errors(settings), key=lambda e: (len(e.path), str(e.path)))
    if not errors:
        return
    error, path = errors[0], list(errors[0].path)
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
    sources = [("the command line", command_line or {}), *((Path(f).name, _read(f)) for f in reversed(files))]
    source = next((source for source, given in sources if _has(given, path)), Path(files[0]).name)
    raise InputError(f"{source}, key {'.'.join(map(str, path))}: {why}.")


def study_file(name: str, folder: str | Path) -> str:
    """Path of the overlay of a study other than laptop, ``folder``/``name``.yaml; InputError names those there are."""
    path = Path(folder) / f"{name}.yaml"
    if not path.is_file():
        known = ["laptop", *sorted(file.stem for file in Path(folder).glob("*.yaml"))]
        raise InputError(
            f"study {name}: there is no {path.parent.name}/{path.name}; expected one of {', '.join(known)}."
        )
    return str(path)


def _read(path):
    with open(path, encoding="utf-8") as file:
        return yaml.safe_load(file)


def _has(settings, path):
    for key in path:
        try:
            settings = settings[key]
        except (KeyError, IndexError, TypeError):
            return False
    return True
