"""A frozen dataclass is the command line: one field a flag, its docstring the help."""

import json
import sys
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import fields
from pathlib import Path
from typing import Any, TypeVar

import tyro

T = TypeVar("T")


def parse(
    kind: type[T],
    argv: Sequence[str] | None = None,
    *,
    prog: str,
    description: str,
    recipes: Mapping[str, T] | None = None,
) -> T:
    """Read a command line into `kind`; unknown flags end the program with a message.

    With `recipes`, the first word may name one: its values become the flags' defaults. Without a
    name the first recipe is used.
    """
    words = list(sys.argv[1:] if argv is None else argv)
    default: Any = tyro.MISSING_NONPROP
    if recipes:
        description += "\n\nRECIPE, an optional first word: " + ", ".join(recipes) + "."
        named = bool(words) and not words[0].startswith("-")
        name = words.pop(0) if named else next(iter(recipes))
        if name not in recipes:
            known = ", ".join(recipes)
            raise SystemExit(f"{prog}: no recipe is called {name!r}; there are: {known}")
        default = recipes[name]
    return tyro.cli(
        kind,
        args=words,
        prog=prog,
        description=description,
        default=default,
        config=(tyro.conf.OmitArgPrefixes,),
    )


def save(config: Any, path: Path) -> None:
    """Write a dataclass as JSON."""
    from pydantic import TypeAdapter

    path.write_bytes(TypeAdapter(type(config)).dump_json(config, indent=2) + b"\n")


def load(kind: type[T], path: Path) -> T:
    """Read what `save` wrote.

    Raises:
        ValueError: the file is missing, is no JSON, or holds a key or a value that `kind` has not.
    """
    from pydantic import TypeAdapter, ValidationError

    try:
        values = json.loads(path.read_text())
    except FileNotFoundError:
        raise ValueError(f"no such config: {path}") from None
    except json.JSONDecodeError as error:
        raise ValueError(f"not JSON: {path} ({error})") from error
    adapter = TypeAdapter(kind)
    try:
        config = adapter.validate_python(values)
    except ValidationError as error:
        reasons = (f"{_dotted(e['loc'])}: {e['msg']}" for e in error.errors())
        raise ValueError(f"bad value in {path}: {'; '.join(reasons)}") from error
    if unknown := list(_unknown_keys(values, adapter.dump_python(config, mode="json"))):
        raise ValueError(f"unknown key in {path}: {', '.join(unknown)}")
    return config


def identity(config: Any, free: Collection[str] = ()) -> dict[str, str]:
    """A dataclass's fields as text, as if it had been saved and loaded; without those in `free`."""
    from pydantic import TypeAdapter

    adapter = TypeAdapter(type(config))
    config = adapter.validate_python(adapter.dump_python(config, mode="json", warnings=False))
    return {f.name: str(getattr(config, f.name)) for f in fields(config) if f.name not in free}


def differences(before: Mapping[str, str], now: Mapping[str, str]) -> list[str]:
    """What `now` has otherwise than `before`, a phrase for each key."""
    return [
        f"`{key}` was {before.get(key)} and is {now.get(key)}"
        for key in sorted(before.keys() | now.keys())
        if before.get(key) != now.get(key)
    ]


def _dotted(place: Sequence[int | str]) -> str:
    return ".".join(map(str, place)) or "the whole"


def _unknown_keys(values: Any, known: Any, place: tuple[int | str, ...] = ()) -> Iterator[str]:
    """Keys of `values` that the validated `known` has not: pydantic passes over them."""
    if isinstance(known, dict):
        for key in values:
            if key in known:
                yield from _unknown_keys(values[key], known[key], (*place, key))
            else:
                yield _dotted((*place, key))
    elif isinstance(known, list):
        for i, (value, element) in enumerate(zip(values, known, strict=True)):
            yield from _unknown_keys(value, element, (*place, i))
