"""Compiled kernels on disk: a file for each signature, which proves that it is complete and right.

Numba's own cache has an index beside its files. Two processes that fill it at once can leave an
index that names the other one's file, whose code is then called with arguments of another type; and
a file that was cut short raises whatever `pickle` does. Here a file's name is a digest of its
key, its contents begin with a digest of the rest, and a file that does not match is compiled anew.
"""

import contextlib
import hashlib
import os
import pickle
import secrets
from pathlib import Path
from typing import Any

import numba

_DIGEST_BYTES = hashlib.sha256().digest_size


class CacheFile:
    """Takes the place of Numba's ``IndexDataCacheFile``: `load` and `save` by key, and `flush`.

    Parameters
    ----------
    folder : str
    base : str
        What names of files begin with: function, line, version of Python.
    stamp : str
        Of the sources; files with another one are obsolete.
    """

    def __init__(self, folder: str, base: str, stamp: str) -> None:
        self._folder, self._base = Path(folder), base
        self._stamp = hashlib.sha256((stamp + numba.__version__).encode()).hexdigest()[:16]

    def _path(self, key: Any) -> Path:
        # The key holds signature, processor and bytecode (of drivers, the stamp holds the block's).
        # Its printed form is enough for a name,
        # since the file repeats the key itself.
        digest = hashlib.sha256(repr(key).encode()).hexdigest()[:16]
        return self._folder / f"{self._base}.{self._stamp}.{digest}.nbc"

    def load(self, key: Any) -> Any:
        """Return what was saved under a key, or None."""
        with contextlib.suppress(
            Exception
        ):  # unpickling what another version wrote raises anything
            content = self._path(key).read_bytes()
            digest, body = content[:_DIGEST_BYTES], content[_DIGEST_BYTES:]
            if digest == hashlib.sha256(body).digest():
                saved, data = pickle.loads(body)
                return data if saved == key else None
        return None

    def save(self, key: Any, data: Any) -> None:
        """Save data under a key, and remove the files of older sources.

        On a full or read-only disk nothing is saved.
        """
        from numba.core.serialize import dumps

        body, path = dumps((key, data)), self._path(key)
        with contextlib.suppress(OSError):
            # In one step: nobody reads half a file.
            draft = path.with_name(f"{path.name}.{os.getpid()}.{secrets.token_hex(8)}.tmp")
            try:
                # readable for whom the process's umask says: a cache may be shared
                with draft.open("xb") as file:
                    file.write(hashlib.sha256(body).digest() + body)
                os.replace(draft, path)
            except BaseException:
                draft.unlink(missing_ok=True)
                raise
            for other in self._folder.glob(f"{self._base}.*.nbc"):
                if not other.name.startswith(f"{self._base}.{self._stamp}."):
                    other.unlink(missing_ok=True)

    def flush(self) -> None:
        """Remove every file of the function."""
        for path in self._folder.glob(f"{self._base}.*.nbc"):
            path.unlink(missing_ok=True)
