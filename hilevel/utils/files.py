"""Files from the network: a cache, checksums, and safe unpacking of archives."""

from __future__ import annotations

import hashlib
import os
import tarfile
import zipfile
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from hilevel.utils.downloads import TEMPORARY, ResumingDownloader, folder_lock


def get_file(
    fname: str | os.PathLike[str] | None = None,
    origin: str | None = None,
    untar: bool = False,
    md5_hash: str | None = None,
    file_hash: str | None = None,
    cache_subdir: str = "datasets",
    hash_algorithm: str = "auto",
    extract: bool = False,
    archive_format: str | list[str] | None = "auto",
    cache_dir: str | os.PathLike[str] | None = None,
    force_download: bool = False,
) -> str:
    """Return the path of a file, which is downloaded if it does not exist. That needs `pip install 'hilevel[data]'`.

    The path is `cache_dir/cache_subdir/fname`. An interrupted download is resumed, in the same call or the next. With
    a checksum, only the right file gets the name, and a file in the cache of Keras is used.

    Args:
        fname: the name of the file, without a folder; by default the last part of the URL. With `extract`, a name
            without a dot is the name of the folder. A name with a dot is the name of the archive, and the folder is
            `<name>_extracted`.
        origin: the URL.
        untar: an old form of `extract`, for tar archives.
        md5_hash: an old form of `file_hash`.
        file_hash: the checksum, as SHA-256 or MD5 in hexadecimal digits.
        cache_subdir: a folder in `cache_dir`, or an absolute path.
        hash_algorithm: "sha256", "md5", or "auto" for the one that fits the length of the checksum.
        extract: whether to unpack the archive, and return the path of the folder.
        archive_format: "tar" (compressed, too), "zip", a list of these, or "auto" for both.
        cache_dir: the folder of the cache; by default `$HILEVEL_HOME`, or `~/.hilevel` if it is not set.
        force_download: whether to download a file that exists.

    Raises:
        OSError: the file cannot be fetched.
        ValueError: the checksum is wrong, and the download was deleted. Or the archive is invalid, or contains
            links or paths outside the folder, and nothing was unpacked.
        ImportError: a download is necessary, and pooch is not installed.

    >>> import pathlib
    >>> pathlib.Path("cache/datasets").mkdir(parents=True)
    >>> _ = pathlib.Path("cache/datasets/numbers.csv").write_text("1,2,3")
    >>> hilevel.utils.get_file(origin="https://example.org/numbers.csv", cache_dir="cache")  # it exists
    'cache/datasets/numbers.csv'
    """
    if origin is None or not urlsplit(origin).scheme:
        raise ValueError(f"get_file needs the URL of the file as `origin`; got {origin!r}.")
    checksum = _checksum(file_hash or md5_hash, "md5" if md5_hash and not file_hash else hash_algorithm)
    folder = Path(cache_dir or home()).expanduser() / cache_subdir
    target, unpacked = _names(folder, fname, origin, extract or untar)
    places = [target] if cache_dir else [target, _keras_home() / cache_subdir / target.name]
    path = None if force_download else next((p for p in places if _is_here(p, checksum, p is target)), None)
    path = path or _fetch(origin, target, checksum, force_download)
    if extract or untar:
        _unpack(path, unpacked, "tar" if untar else archive_format)
        return str(unpacked)
    return str(path)


def home() -> Path:
    """Return the folder for files of hilevel: `$HILEVEL_HOME`, else `~/.hilevel`."""
    return Path(os.environ.get("HILEVEL_HOME") or "~/.hilevel").expanduser()


def _keras_home() -> Path:
    return Path(os.environ.get("KERAS_HOME") or "~/.keras").expanduser()


def _names(
    folder: Path, fname: str | os.PathLike[str] | None, origin: str, extract: bool
) -> tuple[Path, Path]:
    """Return the path of the file, and the path of its unpacked contents."""
    name = os.fspath(fname or "") or os.path.basename(urlsplit(origin).path)
    if not name or name in (".", "..") or os.sep in name or (os.altsep and os.altsep in name):
        raise ValueError(
            f"get_file needs a file's name, without a folder, as `fname`; got {name!r}. "
            "Give folders as `cache_dir` and `cache_subdir`."
        )
    if extract and fname and "." in name:
        return folder / name, folder / f"{name.partition('.')[0]}_extracted"
    return folder / (f"{name}_archive" if extract else name), folder / name


# -- checksums -------------------------------------------------------------------------------------


def _checksum(digits: str | None, algorithm: str) -> str | None:
    """Return the checksum as pooch expects it, `sha256:1a2b...`."""
    if algorithm not in ("auto", "sha256", "md5"):
        raise ValueError(f'hash_algorithm must be "auto", "sha256" or "md5"; got {algorithm!r}.')
    if not digits:
        return None
    if algorithm == "auto":
        algorithm = "sha256" if len(digits) == 64 else "md5"
    return f"{algorithm}:{digits.lower()}"


def _is_here(path: Path, checksum: str | None, is_ours: bool) -> bool:
    """Whether the file exists with the right checksum; without a checksum, whether it is in the cache of hilevel."""
    if not path.is_file() or checksum is None:
        return path.is_file() and is_ours
    algorithm, _, digits = checksum.partition(":")
    with open(path, "rb") as file:
        return hashlib.file_digest(file, algorithm).hexdigest() == digits


# -- fetching --------------------------------------------------------------------------------------


def _fetch(origin: str, target: Path, checksum: str | None, anew: bool) -> Path:
    pooch = _pooch(origin, target, checksum)
    part = target.with_name(f"{target.name}.part")
    cache = pooch.Pooch(target.parent, "", registry={target.name: checksum}, urls={target.name: origin})
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        with folder_lock(target.parent):
            if anew:
                target.unlink(missing_ok=True)
            if anew or checksum is None:  # the part may be of an older file
                part.unlink(missing_ok=True)
            cache.fetch(target.name, downloader=ResumingDownloader(part))
    except (OSError, *TEMPORARY) as error:
        raise OSError(_not_fetched(origin, target, checksum, part, error)) from error
    except ValueError as error:
        raise ValueError(f"The download from {origin} is refused: {error}") from None
    return target


def _pooch(origin: str, target: Path, checksum: str | None) -> Any:
    try:
        import pooch
    except ImportError as error:
        advice = f"To download {origin}, install the package pooch: pip install 'hilevel[data]'"
        raise ImportError(f"{advice}\n{_by_hand(target, checksum)}") from error
    return pooch


def _by_hand(target: Path, checksum: str | None) -> str:
    right = f" Its {checksum.replace(':', ' must be ')}." if checksum else ""
    return f"Or put the file there by hand, as {target.absolute()}.{right}"


def _not_fetched(origin: str, target: Path, checksum: str | None, part: Path, error: BaseException) -> str:
    lines = [f"{target.name} could not be fetched from {origin}: {error}."]
    if target.exists():
        lines += ["The existing file of this name has another checksum, and is not used."]
    if checksum and part.exists():
        size = part.stat().st_size
        lines += [f"The first {size:,} bytes are kept; the next call resumes the download."]
    return "\n".join([*lines, _by_hand(target, checksum)])


# -- archives --------------------------------------------------------------------------------------


def _unpack(archive: Path, folder: Path, formats: str | list[str] | None) -> None:
    """Unpack an archive, if it has only files and folders inside the folder; else unpack nothing."""
    kinds = ["tar", "zip"] if formats == "auto" else [formats] if isinstance(formats, str) else formats or []
    if "tar" in kinds and tarfile.is_tarfile(archive):
        with tarfile.open(archive) as tar:
            for member in tar:
                _refuse_outside(archive, folder, member.name, plain=member.isfile() or member.isdir())
                _restrict_rights(member)
            data: Any = {"filter": "data"} if hasattr(tarfile, "data_filter") else {}  # from Python 3.11.4 on
            tar.extractall(folder, **data)
    elif "zip" in kinds and zipfile.is_zipfile(archive):
        with zipfile.ZipFile(archive) as zipped:
            for name in zipped.namelist():
                _refuse_outside(archive, folder, name)
            zipped.extractall(folder)
    else:
        raise ValueError(f"{archive} is no archive of the kinds that archive_format={formats!r} allows.")


def _restrict_rights(member: tarfile.TarInfo) -> None:
    """Remove the owner, and the special rights and the write rights of others, from a member of an archive."""
    member.mode &= 0o755
    member.uid = member.gid = 0  # only root can change owners
    member.uname = member.gname = ""


def _refuse_outside(archive: Path, folder: Path, name: str, plain: bool = True) -> None:
    root = os.path.realpath(folder)
    if not plain or os.path.commonpath([root, os.path.realpath(os.path.join(root, name))]) != root:
        what = "is outside the folder" if plain else "is a link or a device"
        raise ValueError(f"{archive} is not unpacked: {name!r} in it {what} ({folder}).")
