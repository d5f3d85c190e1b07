"""How much memory a fit takes."""

import ctypes
import gc
from contextlib import contextmanager
from pathlib import Path

_STATUS, _RESET = Path("/proc/self/status"), Path("/proc/self/clear_refs")
_KILOBYTES_OF_A_MEGABYTE = 1000


@contextmanager
def growth():
    """Measure the peak of the resident memory above that at the start.

    Yields
    ------
    list of float
        At the end it has the growth in MB. It stays empty where the operating system
        does not tell.
    """
    result = []
    _give_back()
    try:
        # 5 sets the peak to what is resident now.
        _RESET.write_text("5")
        start = _kilobytes("VmRSS")
    except OSError:
        yield result
        return
    yield result
    result.append((_kilobytes("VmHWM") - start) / _KILOBYTES_OF_A_MEGABYTE)


def _give_back():
    """Give memory that earlier fits have freed back to the operating system."""
    gc.collect()
    try:
        ctypes.CDLL(None).malloc_trim(0)
    except (AttributeError, OSError, TypeError):
        return


def _kilobytes(name):
    for line in _STATUS.read_text().splitlines():
        if line.startswith(f"{name}:"):
            return int(line.split()[1])
    raise OSError(f"{_STATUS} has no {name}")
