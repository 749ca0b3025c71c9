"""Inventories for intersphinx from `inventories/*.txt`, for builds without the web.

A line of such a file is "NAME DOMAIN:ROLE PATH", where "$" at the end of PATH stands for NAME.
"""

import zlib
from pathlib import Path


def write(source, target):
    """Write the inventory (Sphinx's format, version 2) of the names that `source` lists."""
    names = []
    for line in source.read_text(encoding="utf-8").splitlines():
        name, role, path = line.split()
        names.append(f"{name} {role} 1 {path} -\n")
    head = f"# Sphinx inventory version 2\n# Project: {source.stem}\n# Version: \n"
    head += "# The remainder of this file is compressed using zlib.\n"
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_bytes(head.encode() + zlib.compress("".join(names).encode()))


def setup(app):
    """Write the inventories before intersphinx reads them."""
    folder = Path(app.srcdir)
    for source in sorted((folder / "inventories").glob("*.txt")):
        write(source, folder / "_build" / "inventories" / f"{source.stem}.inv")
    return {"parallel_read_safe": True, "parallel_write_safe": True}
