"""Writes one typed method an operation of an OpenAPI description."""

from __future__ import annotations

import keyword
import re
import textwrap
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

_HEAD = '''"""The operations of the API, one method each. Made from the OpenAPI description by ``make client``."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import Any, Literal

from api.client import models
from api.client.transport import Transport, part


class Operations:
    """Every operation by its id, in snake case.

    Parameters
    ----------
    transport : Transport
    """

    def __init__(self, transport: Transport) -> None:
        self._transport = transport
'''
_METHODS = ("get", "post", "put", "patch", "delete")


def write_operations(description: Mapping[str, Any]) -> str:
    """Write the module ``api/client/operations.py``."""
    schemas = description["components"]["schemas"]
    found = {
        operation["operationId"]: _method(method, path, operation, schemas)
        for path, item in description["paths"].items()
        for method in _METHODS
        if (operation := item.get(method)) is not None
    }
    return _HEAD + "".join(found[name] for name in sorted(found))


def snake(name: str) -> str:
    """``listSignals`` -> ``list_signals``; ``If-Match`` -> ``if_match``."""
    plain = re.sub(r"[^A-Za-z0-9]+", "_", name).strip("_")
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", plain).lower()


def class_name(reference: str) -> str:
    """Name of the class of a schema, as the models' generator writes it."""
    name = reference.rpartition("/")[2]
    return "".join(part[:1].upper() + part[1:] for part in re.split(r"[^A-Za-z0-9]+", name))


def _python(name: str) -> str:
    made = snake(name)
    return f"{made}_" if keyword.iskeyword(made) else made


def type_of(schema: Mapping[str, Any], schemas: Mapping[str, Any]) -> str:
    """Python type of a schema; an enumeration is written out."""
    if "$ref" in schema:
        meant = schemas[schema["$ref"].rpartition("/")[2]]
        if "enum" in meant or "const" in meant:
            return type_of(meant, schemas)
        return f"models.{class_name(schema['$ref'])}"
    if "const" in schema:
        return f"Literal[{schema['const']!r}]"
    if "enum" in schema:
        return f"Literal[{', '.join(repr(one) for one in schema['enum'])}]"
    for several in ("anyOf", "oneOf"):
        if several in schema:
            return " | ".join(dict.fromkeys(type_of(one, schemas) for one in schema[several]))
    match schema.get("type"):
        case "array":
            return f"Sequence[{type_of(schema.get('items', {}), schemas)}]"
        case "string" if schema.get("format") == "date-time":
            return "datetime | str"
        case "string" if schema.get("format") == "date":
            return "date | str"
        case "string":
            return "str"
        case "integer":
            return "int"
        case "number":
            return "float"
        case "boolean":
            return "bool"
        case "null":
            return "None"
        case _:
            return "Any"


def _answer(operation: Mapping[str, Any], schemas: Mapping[str, Any]) -> str:
    for status, reply in sorted(operation["responses"].items()):
        if not status.startswith("2"):
            continue
        content = reply.get("content", {})
        schema = content.get("application/json", {}).get("schema")
        if schema:
            return type_of(schema, schemas)
        if content:
            return "bytes"
    return "None"


@dataclass(frozen=True)
class _Parameter:
    wire: str
    name: str
    place: str
    type_: str
    required: bool


def _parameters(operation: Mapping[str, Any], schemas: Mapping[str, Any]) -> Iterator[_Parameter]:
    for one in operation.get("parameters", ()):
        # The transport chooses keys for repeated requests; frames are read by `Client.frame`.
        if one["in"] == "cookie" or one["name"].lower() in ("idempotency-key", "format"):
            continue
        kind = type_of(one.get("schema", {}), schemas)
        yield _Parameter(one["name"], _python(one["name"]), one["in"], kind, one.get("required", False))


def _method(method: str, path: str, operation: Mapping[str, Any], schemas: Mapping[str, Any]) -> str:
    parameters = list(_parameters(operation, schemas))
    answer = _answer(operation, schemas)
    in_path = [one for one in parameters if one.place == "path"]
    others = sorted((one for one in parameters if one.place != "path"), key=lambda one: not one.required)
    arguments = ["self", *(f"{one.name}: str" for one in in_path)]
    body = operation.get("requestBody")
    if body is not None:
        schema = body["content"].get("application/json", {}).get("schema")
        kinds = ["Any"] if schema is None else [type_of(schema, schemas), "Mapping[str, Any]"]
        arguments.append(f"body: {' | '.join(kinds)}" + ("" if body.get("required") else " | None = None"))
    if others:
        arguments.append("*")
        arguments += [f"{one.name}: {one.type_}" if one.required else _optional(one) for one in others]
    filled = path
    for one in in_path:
        filled = filled.replace(f"{{{one.wire}}}", f"{{part({one.name})}}")
    given = [f'"{method.upper()}"', f'f"{filled}"' if in_path else f'"{filled}"']
    given.append("type(None)" if answer == "None" else answer)
    for place, argument in (("query", "query"), ("header", "headers")):
        pairs = [f'"{one.wire}": {one.name}' for one in others if one.place == place]
        if pairs:
            given.append(f"{argument}={{{', '.join(pairs)}}}")
    if body is not None:
        given.append("body=body")
    returned = "return " if answer != "None" else ""
    return (
        f"\n    def {snake(operation['operationId'])}({', '.join(arguments)}) -> {answer}:\n{_docstring(operation)}\n"
        f"        {returned}self._transport.call({', '.join(given)})\n"
    )


def _optional(one: _Parameter) -> str:
    kind = one.type_ if "None" in one.type_.split(" | ") else f"{one.type_} | None"
    return f"{one.name}: {kind} = None"


def _docstring(operation: Mapping[str, Any]) -> str:
    summary = operation.get("summary", operation["operationId"]).rstrip(".")
    told = (operation.get("description") or "").strip()
    text = "\n\n".join(part for part in (f"{summary}.", told, f"Access: {operation['x-access']}.") if part)
    indented = textwrap.indent(f'"""{text}\n"""', " " * 8)
    return "\n".join(line.rstrip() for line in indented.splitlines())
