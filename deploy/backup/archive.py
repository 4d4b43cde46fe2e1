"""The file of a backup: a compressed tar of one member a table, with a manifest of what each holds."""

from __future__ import annotations

import hashlib
import json
import re
import tarfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import IO, Any

import zstandard

FORMAT = 1
MANIFEST = "manifest.json"
_CHUNK = 1 << 20
_NAME = re.compile(r"manifest\.json|(postgres|clickhouse)/[A-Za-z0-9_]+(\.[a-z0-9]+)*", re.ASCII)


class BadArchive(RuntimeError):
    """The file is no backup, or was damaged."""


@dataclass(frozen=True)
class Member:
    """A file in the archive.

    Attributes
    ----------
    name : str
        As in ``postgres/users.copy``.
    rows : int
    size : int
        Bytes.
    sha256 : str
    """

    name: str
    rows: int
    size: int
    sha256: str


@dataclass(frozen=True)
class Manifest:
    """What an archive holds.

    Attributes
    ----------
    format : int
    made_at : str
    revision : str
        Of the serving schema.
    warehouse : list of str
        Migrations of the warehouse.
    members : list of Member
    """

    format: int
    made_at: str
    revision: str
    warehouse: list[str]
    members: list[Member]


def digest_of(path: Path) -> str:
    """SHA-256 of a file."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def write(target: Path, folder: Path, manifest: Manifest) -> None:
    """Pack a folder; the target appears when it is whole."""
    (folder / MANIFEST).write_text(json.dumps(asdict(manifest), indent=1))
    partial = target.with_name(target.name + ".partial")
    try:
        with (
            partial.open("wb") as raw,
            zstandard.ZstdCompressor(level=6, threads=-1).stream_writer(raw) as packed,
            tarfile.open(fileobj=packed, mode="w|") as archive,
        ):
            for name in (MANIFEST, *(member.name for member in manifest.members)):
                archive.add(folder / name, name)
        partial.replace(target)
    finally:
        partial.unlink(missing_ok=True)


def read(source: Path, folder: Path) -> Manifest:
    """Unpack an archive and check every byte of it.

    Raises
    ------
    BadArchive
        If it is no backup, of a format this version does not know, or damaged; it says where.
    """
    try:
        with _opened(source) as archive:
            for member in archive:
                _extract(archive, member, folder)
        given: dict[str, Any] = json.loads((folder / MANIFEST).read_text())
        if given["format"] != FORMAT:
            raise BadArchive(f"{source} is of format {given['format']}; this version reads format {FORMAT}")
        manifest = Manifest(**{**given, "members": [Member(**one) for one in given["members"]]})
    except (tarfile.TarError, zstandard.ZstdError, OSError, ValueError, KeyError, TypeError) as error:
        raise BadArchive(f"{source} is no whole backup: {error}") from error
    for member in manifest.members:
        path = folder / member.name
        if not path.is_file() or path.stat().st_size != member.size or digest_of(path) != member.sha256:
            raise BadArchive(f"{source} is damaged: {member.name} is not what the manifest says")
    return manifest


def _extract(archive: tarfile.TarFile, member: tarfile.TarInfo, folder: Path) -> None:
    """Write one member below the folder; a name that a backup does not have could lead anywhere."""
    content = archive.extractfile(member) if member.isfile() and _NAME.fullmatch(member.name) else None
    if content is None:
        raise ValueError(f"{member.name!r} does not belong in a backup")
    path = folder / member.name
    path.parent.mkdir(exist_ok=True)
    with path.open("wb") as out:
        while piece := content.read(_CHUNK):
            out.write(piece)


@contextmanager
def _opened(source: Path) -> Iterator[tarfile.TarFile]:
    with source.open("rb") as raw, zstandard.ZstdDecompressor().stream_reader(raw) as unpacked:
        stream: IO[bytes] = unpacked  # pyright: ignore[reportAssignmentType] - readable, which is all that is needed
        with tarfile.open(fileobj=stream, mode="r|") as archive:
            yield archive
