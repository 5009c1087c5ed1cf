"""How much memory a process took at most."""

from __future__ import annotations

import sys
from pathlib import Path


def peak_mebibytes() -> int:
    """The largest resident size of this process in MiB.

    On Linux `getrusage` also counts what the process had before it started its program, that is the size of whoever
    started it: /proc counts the program alone.
    """
    if sys.platform == "linux":
        status = Path("/proc/self/status").read_text().splitlines()
        return next(int(line.split()[1]) >> 10 for line in status if line.startswith("VmHWM:"))
    import resource

    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss >> (20 if sys.platform == "darwin" else 10)
