"""An entry: one remote thing as the server describes it."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Any, Literal

from ctaclient.storage.checksums import parse_digest_header
from ctaclient.storage.multistatus import DAV, Resource

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ctaclient.storage.path import RemotePath

_DCACHE = "http://www.dcache.org/2013/webdav"
_SRM = "http://srm.lbl.gov/StorageResourceManager"
_STORM = "http://storm.italiangrid.org/2014/webdav"

# Asked by name: allprop costs dCache look-ups of extended attributes, these come for nothing (storage.md 3.2).
PROPERTIES = (
    (DAV, "resourcetype"),
    (DAV, "getcontentlength"),
    (DAV, "getlastmodified"),
    (DAV, "getetag"),
    (_DCACHE, "Checksums"),
    (_SRM, "FileLocality"),
    (_STORM, "Checksum"),
)


# Further out a time zone can lead beyond what `datetime` can hold.
_FIRST_YEAR, _LAST_YEAR = 2, 9998
_MAX_DIGITS = 20  # an int of thousands of digits is an attack: more than 2**64 bytes there are not


@dataclass(frozen=True, slots=True)
class Entry:
    """A file or directory on the storage.

    `size_bytes` is None for directories, and for files that are still being written. `mtime` has a resolution of one
    second. ownCloud's and Nextcloud's `checksums` are what the uploader claimed, and do not count (storage.md 2.4).
    `checksums` maps `adler32`, `md5`, `sha1`, `sha256`, `sha512` to lower-case hex. `locality` is dCache's:
    ONLINE, NEARLINE (tape only), ONLINE_AND_NEARLINE, UNAVAILABLE, LOST, NONE.
    """

    path: RemotePath
    is_dir: bool
    size_bytes: int | None = None
    mtime: datetime | None = None
    etag: str | None = None
    checksums: Mapping[str, str] = field(default_factory=dict)
    locality: str | None = None

    @property
    def name(self) -> str:
        """The last part of the path."""
        return self.path.name

    def to_dict(self) -> dict[str, Any]:
        """The entry as it stands in `--json`."""
        return {
            "path": str(self.path),
            "type": self.kind,
            "size_bytes": self.size_bytes,
            "mtime": self.mtime.isoformat() if self.mtime else None,
            "etag": self.etag,
            "checksums": dict(self.checksums),
            "locality": self.locality,
        }

    @property
    def kind(self) -> Literal["directory", "file"]:
        """`directory` or `file`."""
        return "directory" if self.is_dir else "file"


def entry_of(resource: Resource, path: RemotePath) -> Entry:
    """The entry at `path` that `resource` describes."""
    found = resource.properties.get
    checksums = {
        **parse_digest_header(found(f"{_STORM} Checksum")),
        **parse_digest_header(found(f"{_DCACHE} Checksums")),
    }
    length = found(f"{DAV} getcontentlength", "")
    has_size = length.isdecimal() and len(length) <= _MAX_DIGITS and not resource.is_collection
    return Entry(
        path,
        is_dir=resource.is_collection,
        size_bytes=int(length) if has_size else None,
        mtime=parse_date(found(f"{DAV} getlastmodified")),
        etag=found(f"{DAV} getetag") or None,
        checksums=checksums,
        locality=found(f"{_SRM} FileLocality") or None,
    )


def opaque_tag(etag: str | None) -> str | None:
    """An ETag without its weakness mark: Apache's is weak while the file is younger than a second, then no more."""
    return etag.removeprefix("W/") if etag else None


def parse_date(text: str | None) -> datetime | None:
    """A `getlastmodified` as servers write it: RFC 1123, RFC 850, asctime or RFC 3339; None for anything else."""
    if not text:
        return None
    for read in (parsedate_to_datetime, datetime.fromisoformat):
        try:
            moment = read(text)
        except (ValueError, IndexError, OverflowError):
            continue
        if not _FIRST_YEAR <= moment.year <= _LAST_YEAR:
            return None
        return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    return None
