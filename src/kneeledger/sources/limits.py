"""Bounds on what an export may ask of this machine, and the account of what one archive has used.

A zip file of 42 kB can hold petabytes, by size, by nesting or by entries that share their bytes. So
nothing an archive says of itself is believed: bytes are counted while they are unpacked, for each member
and for the outermost archive as a whole, and its directory is bounded before it is read. The defaults
leave room for the largest honest exports known (an Apple Health ``export.xml`` of several GB, a Garmin
account of twenty years) and end every bomb after a few MB.
Instead of: trusting the sizes in the directory, or one limit on the size of the archive.
"""

from dataclasses import dataclass

__all__ = ["Budget", "Limits", "Refused"]

MIB = 1 << 20


@dataclass(frozen=True, slots=True)
class Limits:
    """What one export may ask at most."""

    depth: int = 3
    """Archives inside archives: 1 is a plain zip."""
    members: int = 200_000
    """Members of one outermost archive, those of inner archives included."""
    member_bytes: int = 256 * MIB
    """Unpacked size of one file that is held in memory. [byte]"""
    stream_bytes: int = 8 << 30
    """Unpacked size of a file that is only streamed (Apple's ``export.xml``, inner archives). [byte]"""
    ratio: float = 200.0
    """Unpacked over packed size, of a member and of an outermost archive."""
    ratio_from_bytes: int = 10_000_000
    """Below this unpacked size the ratio is not looked at. [byte]"""
    total_bytes: int = 64 << 30
    """Unpacked size of everything in one outermost archive. [byte]"""


class Refused(Exception):  # noqa: N818 - an outcome of a file, not an error of the program
    """Raised where a file or member is not read further: `code` for programs, `reason` for people."""

    def __init__(self, code: str, reason: str) -> None:
        super().__init__(reason)
        self.code = code
        self.reason = reason


class Budget:
    """What one outermost file may still use; counts while bytes are unpacked."""

    def __init__(self, limits: Limits, packed_bytes: int) -> None:
        self.limits = limits
        self._bytes = 0
        self._members = 0
        self._most = min(limits.total_bytes, max(limits.ratio_from_bytes, int(limits.ratio * packed_bytes)))

    def members(self, count: int) -> None:
        """Take note of the members of one more directory.

        Raises
        ------
        Refused
            They are more than the limit.
        """
        self._members += count
        if self._members > self.limits.members:
            raise Refused(
                "limit",
                f"holds more than {self.limits.members:,} files; unpack it and give the part with activities",
            )

    def unpacked(self, count: int, *, so_far: int, packed: int) -> None:
        """Take note of `count` more bytes of a member of which `so_far` bytes are unpacked now.

        Raises
        ------
        Refused
            The member or the archive grows beyond the ratio or the total.
        """
        limits = self.limits
        if so_far > limits.ratio_from_bytes and so_far > limits.ratio * packed:
            raise Refused("bomb", f"unpacks to more than {limits.ratio:.0f} times its size; not read further")
        self._bytes += count
        if self._bytes > self._most:
            raise Refused("bomb", "the archive unpacks to far more than its size; not read further")
