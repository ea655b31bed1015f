"""What the models take from the body: its weight, and what it carries.

Running and walking loads are in body weights and do not change with mass. Cycling does: the pedal does
not know how heavy the rider is, so its force over body weight needs the mass. Where nobody has told the
mass, 70 kg stands in and the interval is widened for it. Only these figures live here, because three
models need them and the models do not know each other.
Instead of: asking for a mass before anything can be shown.
"""

__all__ = ["ASSUMED_MASS_KG", "ASSUMED_MASS_LOG_SD", "GRAVITY_MPS2", "pack_factor"]

GRAVITY_MPS2 = 9.81
"""Acceleration of gravity; the body weight unit is mass x this [m/s^2]."""

ASSUMED_MASS_KG = 70.0
"""Body mass where none is known [kg]; project rule [Assumed]_."""

ASSUMED_MASS_LOG_SD = 0.18
"""Standard deviation of ln(mass) drawn for cycling where the mass is assumed; project rule [Assumed]_."""


def pack_factor(pack_kg: float, mass_kg: float) -> float:
    """Factor by which a carried weight raises loads in body weights.

    The pack adds its weight to the body's [Assumed]_. A study with 15 kg saw only +0.2 BW of peak
    force ([BodyBorneLoad]_), so this is an upper reading and its result is marked as extrapolated.

    Parameters
    ----------
    pack_kg : float
        What is carried [kg], at least 0.
    mass_kg : float
        Body mass without it [kg], above 0.
    """
    if not (pack_kg >= 0 and mass_kg > 0):
        message = "a pack weighs at least 0 kg and a body more than 0 kg"
        raise ValueError(message)
    return 1.0 + pack_kg / mass_kg
