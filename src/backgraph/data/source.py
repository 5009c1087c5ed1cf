"""The bytes of a data file: opened once, and looked through before anything interprets them.

A file must be a regular file, of the compression its name claims, UTF-8 (a byte-order mark is fine) without NUL, and
must not unpack to more than EXPANSION times its size. These are checked here in one pass of constant memory, so that a
bomb, a device or a picture is refused before a parser sees it.
"""

from __future__ import annotations

import codecs
import glob
import gzip
import os
import re
import stat
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, cast

from backgraph.errors import DataError, FileError, nearest

CHUNK = 1 << 20
FREE_BYTES = 1 << 28
"""Up to 256 MiB (unpacked) any file is read."""
EXPANSION = 100
"""Above FREE_BYTES, a file may unpack to at most 100 times its size; text tables reach about 20."""
MAXIMUM_LINE = 1 << 25
"""The longest line, 32 MiB: 10^5 columns need about 2 MiB."""

KINDS: tuple[tuple[bytes, str], ...] = (
    (b"PAR1", "Parquet"),
    (b"\x1f\x8b", "gzip"),
    (b"PK\x03\x04", "a zip archive (or a spreadsheet)"),
    (b"BZh", "bzip2"),
    (b"\xfd7zXZ\x00", "xz"),
    (b"\x28\xb5\x2f\xfd", "zstandard"),
    (b"\x89HDF\r\n\x1a\n", "HDF5"),
    (b"\x93NUMPY", "a NumPy array"),
    (b"ARROW1", "Arrow"),
    (b"\xd0\xcf\x11\xe0", "an old spreadsheet"),
    (b"%PDF", "PDF"),
    (b"\xff\xfe\x00\x00", "UTF-32"),
    (b"\xff\xfe", "UTF-16"),
    (b"\xfe\xff", "UTF-16"),
    (b"\x80\x02", "a pickle"),
    (b"\x80\x03", "a pickle"),
    (b"\x80\x04", "a pickle"),
    (b"\x80\x05", "a pickle"),
)
"""How files of other kinds begin."""

FIXES = {"UTF-16": "iconv -f utf-16 -t utf-8", "gzip": "name it .csv.gz", "Parquet": "name it .parquet"}


PARQUET = frozenset({".parquet", ".pq"})
"""How the names of such files end."""


@dataclass(frozen=True)
class Source:
    """A regular file: `path` as given (for messages), `size` in bytes, and the kind its first bytes show, if any."""

    path: Path
    size: int
    kind: str | None

    @property
    def name(self) -> str:
        """The path as messages show it."""
        return str(self.path)

    @property
    def is_gzip(self) -> bool:
        """Whether the name claims gzip."""
        return self.path.suffix.lower() == ".gz"

    @property
    def is_parquet(self) -> bool:
        """Whether the name claims Parquet."""
        return self.path.suffix.lower() in PARQUET

    @property
    def pattern(self) -> str:
        """The path for DuckDB, which would read `a*.csv` as many files, and a relative `s3:x` as an address."""
        return glob.escape(str(self.path.absolute()))

    def open(self) -> BinaryIO:
        """The bytes, unpacked."""
        return cast("BinaryIO", gzip.open(self.path)) if self.is_gzip else self.path.open("rb")


def open_source(path: str | os.PathLike[str]) -> Source:
    """Looks at `path` without reading it whole.

    Raises FileError BG501 when it is missing (with the nearest name in its folder), not a regular file or not readable;
    DataError BG201 when it is empty, BG204 when it is not of the kind its name claims.
    """
    given = Path(path)
    try:
        status = given.stat()
        if not stat.S_ISREG(status.st_mode):
            raise FileError("BG501", str(given), "is not a file", got=_kind_of(status.st_mode), expected="a data file")
        with given.open("rb") as file:
            start = file.read(8)
    except FileNotFoundError:
        raise FileError("BG501", str(given), "does not exist", hint=_nearest_file(given)) from None
    except (OSError, ValueError) as error:
        raise _unreadable(given, error) from None
    return _checked(Source(given, status.st_size, next((kind for mark, kind in KINDS if start.startswith(mark)), None)))


def _unreadable(path: Path, error: Exception) -> FileError:
    if isinstance(error, FileError):
        return error
    reason = error.strerror if isinstance(error, OSError) else None
    return FileError("BG501", str(path), "cannot be read", got=reason or str(error))


def _kind_of(mode: int) -> str:
    names = {stat.S_IFDIR: "a directory", stat.S_IFCHR: "a device", stat.S_IFBLK: "a device", stat.S_IFIFO: "a pipe"}
    return names.get(stat.S_IFMT(mode), "a socket")


def _nearest_file(path: Path) -> str | None:
    try:
        return nearest(path.name, sorted(os.listdir(path.parent)))  # noqa: PTH208 (names, not paths, are compared)
    except OSError:
        return f"{path.parent} does not exist either"


def _checked(source: Source) -> Source:
    if not source.size:
        raise DataError("BG201", source.name, "is empty", expected="a line of column names, then rows")
    claimed = "Parquet" if source.is_parquet else "gzip" if source.is_gzip else None
    if source.kind != claimed:
        got = source.kind or "something else"
        fix = FIXES.get(got)
        what = "is not what its name claims" if claimed else "is not a text table"
        raise DataError("BG204", source.name, what, got=got, expected=claimed or "CSV in UTF-8", hint=fix)
    return source


def chunks(source: Source) -> Iterator[bytes]:
    """The unpacked bytes, 1 MiB at a time. DataError BG204 for a damaged or truncated gzip, BG208 for a bomb."""
    total = 0
    allowed = max(FREE_BYTES, EXPANSION * source.size)
    try:
        with source.open() as file:
            while chunk := file.read(CHUNK):
                total += len(chunk)
                if total > allowed:
                    raise too_large(source, total)
                yield chunk
    except (EOFError, gzip.BadGzipFile, zlib.error) as error:
        raise DataError("BG204", source.name, "is damaged or truncated gzip", got=str(error)) from None


def too_large(source: Source, total: int) -> DataError:
    """BG208: the file claims or unpacks to `total` bytes."""
    what = f"unpacks to more than {EXPANSION} times its size"
    got = f"{total >> 20} MiB or more from {source.size} bytes"
    return DataError("BG208", source.name, what, got=got, expected=f"at most {FREE_BYTES >> 20} MiB")


ODD = re.compile(rb"[0-9]_[0-9]|[\x0b\x0c]|\r(?!\n)")
"""Bytes around which a number may be read in two ways (`typed`): between digits, or beside them."""


@dataclass
class Scan:
    """What one pass over the bytes has seen: line ends so far, and how long the present line is.

    `quoted` says whether there is a quote, `odd` whether there is something of ODD, `returns` how many lines end with
    a carriage return.
    """

    name: str
    size: int = 0
    lines: int = 0
    returns: int = 0
    line_length: int = 0
    quoted: bool = False
    odd: bool = False
    last: bytes = b""

    def __post_init__(self) -> None:
        self.decoder = codecs.getincrementaldecoder("utf-8")()

    def add(self, chunk: bytes) -> None:
        """Takes the next chunk; raises what it finds wrong."""
        if (position := chunk.find(b"\0")) >= 0:
            raise self.error(chunk, position, "has a NUL byte", "\0")
        try:
            self.decode(chunk)
        except UnicodeDecodeError as error:
            byte = error.object[error.start]
            raise self.error(chunk, max(0, error.start), "is not UTF-8", f"byte 0x{byte:02x}") from None
        self.odd = self.odd or self.is_odd(self.last + (chunk if self.lines else _without_names(chunk)))
        self.last = chunk[-2:]
        self.size += len(chunk)
        self.lines += chunk.count(b"\n")
        self.returns += chunk.count(b"\r")
        self.quoted = self.quoted or b'"' in chunk
        self.measure(chunk)

    @property
    def is_plain(self) -> bool:
        """Whether every reader of CSV takes the same cells from it: no quotes, and one kind of line end."""
        return not (self.quoted or self.odd or self.returns)

    @staticmethod
    def is_odd(text: bytes) -> bool:
        """Whether there is something of ODD; a carriage return at the end is followed by the next chunk."""
        # Four searches for single bytes take a hundredth of the time of the expression.
        if not any(byte in text for byte in (b"_", b"\x0b", b"\x0c")) and text.count(b"\r") == text.count(b"\r\n"):
            return False
        return ODD.search(text.removesuffix(b"\r")) is not None

    def decode(self, chunk: bytes) -> None:
        """UnicodeDecodeError where the text is not UTF-8. ASCII, ten times faster to see, needs no decoding."""
        if not chunk.isascii() or self.decoder.getstate()[0]:
            self.decoder.decode(chunk)

    def measure(self, chunk: bytes) -> None:
        """Chunks are shorter than a line may be, so only lines that span chunks need measuring."""
        first, last = max(chunk.find(b"\n"), chunk.find(b"\r")), max(chunk.rfind(b"\n"), chunk.rfind(b"\r"))
        self.line_length += len(chunk) if first < 0 else first
        if self.line_length > MAXIMUM_LINE:
            what = f"a line is longer than {MAXIMUM_LINE >> 20} MiB"
            raise DataError("BG208", f"{self.name}:{self.lines + 1}", what, expected="columns and lines")
        if first >= 0:
            self.line_length = len(chunk) - last - 1

    def error(self, chunk: bytes, position: int, what: str, got: str) -> DataError:
        """BG204 at the line of `chunk[position]`."""
        line = self.lines + chunk.count(b"\n", 0, position) + 1
        hint = "if it is Latin-1: iconv -f latin1 -t utf-8" if got.startswith("byte") else None
        return DataError("BG204", f"{self.name}:{line}", what, got=got, expected="text in UTF-8", hint=hint)


def _without_names(text: bytes) -> bytes:
    """`text` without the underscores in its first line, which holds names, such as pixel_0_0, and no numbers."""
    first, end, rest = text.partition(b"\n")
    return first.replace(b"_", b"") + end + rest


def check_text(source: Source) -> Scan:
    """Reads `source` through once: UTF-8 without NUL, lines of at most 32 MiB, no bomb. DataError BG204, BG208."""
    scan = Scan(source.name)
    for chunk in chunks(source):
        scan.add(chunk)
    try:
        scan.decoder.decode(b"", final=True)
    except UnicodeDecodeError as error:
        got = f"byte 0x{error.object[error.start]:02x}"
        raise DataError("BG204", f"{source.name}:{scan.lines + 1}", "ends within a character", got=got) from None
    # The last line may have no line end.
    scan.lines += scan.line_length > 0
    return scan
