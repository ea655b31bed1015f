"""Altitude to grade and descent: the method follows the altitude's source, and no step is smeared.

``altitude_source`` says where the altitude comes from, ``clean_altitude`` what of it can be believed, ``drift``
how far it wandered between two passes of a place, ``grade`` what slope the ground has and how wrong that may
be, ``descent`` and ``descents`` how far down it went. Arrays in, arrays out; NaN is missing; nothing changes
its input. Each module says what was measured and what it was chosen over.
"""

from kneeledger.elevation.cleaning import LARGEST_GRADE, CleanAltitude, clean_altitude
from kneeledger.elevation.drift import drift
from kneeledger.elevation.grid import Grid
from kneeledger.elevation.origin import altitude_source
from kneeledger.elevation.slope import Grade, grade
from kneeledger.elevation.swings import Climb, Descent, descent, descent_with_parts, descents

__all__ = [
    "LARGEST_GRADE",
    "CleanAltitude",
    "Climb",
    "Descent",
    "Grade",
    "Grid",
    "altitude_source",
    "clean_altitude",
    "descent",
    "descent_with_parts",
    "descents",
    "drift",
    "grade",
]
