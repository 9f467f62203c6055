"""The pipeline file's JSON Schema, with which editors complete, explain and check it.

https://json-schema.org/draft/2020-12
"""

import re
from typing import Any

from perdure.pipeline._base import FileModel
from perdure.pipeline.schema import PipelineFile

_ATTRIBUTE = re.compile(r"^ {8}(\w+): (.*(?:\n {12}.*)*)", re.MULTILINE)


def pipeline_schema() -> dict[str, Any]:
    """Return the JSON Schema of a pipeline file."""
    schema = PipelineFile.model_json_schema()
    definitions = schema["$defs"]
    models = {model.__name__: model for model in _models(FileModel)}
    for name, part in (*definitions.items(), ("PipelineFile", schema)):
        if name in models:
            _describe(part, models[name])
    # The file has a matrix's lists directly in it.
    axes = definitions["Matrix"]["properties"].pop("axes")
    [definitions["Matrix"]["additionalProperties"]] = axes["patternProperties"].values()
    _close(schema)
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        **schema,
        "title": "Perdure pipeline",
    }


def _close(part: object) -> None:
    """Refuse, wherever names have a pattern, those that do not fit it."""
    if isinstance(part, dict):
        if "patternProperties" in part:
            part["additionalProperties"] = False
        for inner in part.values():
            _close(inner)
    elif isinstance(part, list):
        for inner in part:
            _close(inner)


def _models(base: type[FileModel]) -> set[type[FileModel]]:
    return {base}.union(*(_models(model) for model in base.__subclasses__()))


def _describe(part: dict[str, Any], model: type[FileModel]) -> None:
    part["description"] = _markdown((model.__doc__ or "").partition("\n")[0])
    part["additionalProperties"] = False
    texts = _attributes(model)
    for name, found in model.model_fields.items():
        described = part["properties"].get(found.alias or name)
        if described is not None and name in texts:
            described["description"] = texts[name]
            described.pop("title", None)
        if described is not None and isinstance(described.get("default"), list):
            described["default"].sort()  # of a set, which has another order in each process


def _markdown(text: str) -> str:
    return re.sub(r"\s+", " ", text).replace("``", "`")


def _attributes(model: type[FileModel]) -> dict[str, str]:
    texts: dict[str, str] = {}
    for base in reversed(model.__mro__):
        documented = (base.__doc__ or "").partition("Attributes:")[2] if issubclass(base, FileModel) else ""
        for name, text in _ATTRIBUTE.findall(documented):
            texts[name] = _markdown(text)
    return texts
