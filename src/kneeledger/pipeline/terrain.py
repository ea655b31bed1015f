"""Altitude from the user's own terrain tiles: SRTM ``.hgt`` in a folder, nothing fetched.

A tile is a square of one degree, named by its south-west corner (``N47E011.hgt``), rows from north to south,
16-bit big-endian metres, -32768 where unknown; 1,201 values a side at three arc seconds, 3,601 at one. It is
mapped, not read, so a course costs some pages of it. Values are taken bilinearly; where one of the four is
unknown there is no altitude.
Instead of: a service on the network, which would learn where somebody runs.
"""

import math
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np
import numpy.typing as npt

from kneeledger.errors import ConfigError
from kneeledger.model import FloatArray

__all__ = ["Tiles", "tiles"]

UNKNOWN = -32768
SIDES = (1201, 3601)


@dataclass(frozen=True, slots=True)
class Tiles:
    """A folder of tiles."""

    folder: Path

    def altitude_m(self, latitude_deg: FloatArray, longitude_deg: FloatArray) -> FloatArray:
        """Altitude at positions [m], NaN beyond the tiles, shape (n,)."""
        found = np.full(latitude_deg.size, np.nan)
        south, west = np.floor(latitude_deg).astype(int), np.floor(longitude_deg).astype(int)
        for corner in set(zip(south.tolist(), west.tolist(), strict=True)):
            grid = _grid(self.folder, *corner)
            if grid is None:
                continue
            mine = (south == corner[0]) & (west == corner[1])
            found[mine] = _bilinear(grid, latitude_deg[mine] - corner[0], longitude_deg[mine] - corner[1])
        return found


def tiles(folder: str) -> Tiles | None:
    """The tiles in a folder; None where no folder is set.

    Raises
    ------
    ConfigError
        There is no such folder.
    """
    if not folder:
        return None
    path = Path(folder).expanduser()
    if not path.is_dir():
        raise ConfigError(f"terrain_dir: {path} is no folder.")
    return Tiles(path)


@lru_cache(maxsize=16)
def _grid(folder: Path, south: int, west: int) -> npt.NDArray[np.int16] | None:
    name = f"{'N' if south >= 0 else 'S'}{abs(south):02d}{'E' if west >= 0 else 'W'}{abs(west):03d}"
    for path in (folder / f"{name}.hgt", folder / f"{name.lower()}.hgt"):
        if not path.is_file():
            continue
        side = math.isqrt(path.stat().st_size // 2)
        if side not in SIDES or side * side * 2 != path.stat().st_size:
            raise ConfigError(f"{path}: not an SRTM tile of 1,201 or 3,601 values a side.")
        return np.memmap(path, dtype=">i2", mode="r", shape=(side, side))
    return None


def _bilinear(grid: npt.NDArray[np.int16], north: FloatArray, east: FloatArray) -> FloatArray:
    last = grid.shape[0] - 1
    down, right = (1.0 - north) * last, east * last
    top, left = np.minimum(down.astype(int), last - 1), np.minimum(right.astype(int), last - 1)
    below, beside = down - top, right - left
    corners = np.stack([grid[top + i, left + j] for i in (0, 1) for j in (0, 1)]).astype(np.float64)
    corners[corners == UNKNOWN] = np.nan
    weights = np.stack(
        [(1 - below) * (1 - beside), (1 - below) * beside, below * (1 - beside), below * beside]
    )
    return np.asarray((np.where(weights > 0, corners, 0.0) * weights).sum(axis=0), dtype=np.float64)
