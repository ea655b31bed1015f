from datetime import UTC, datetime, timedelta

import pytest

from kneeledger.model import About, AltitudeSource, CadenceChoice

START = datetime(2026, 5, 4, 6, 0, tzinfo=UTC)


@pytest.fixture
def about():
    """The facts of a run of an hour, some of them changed."""

    def make(**changes):
        facts = {
            "start": START, "end": START + timedelta(hours=1), "sport": "running", "sub_sport": None,
            "format": "fit", "decoder": "kneeledger", "device": None, "device_serial": None, "sha256": "0" * 64,
            "path": "a.fit", "part": 0, "utc_offset_s": 0, "utc_offset_how": "file",
            "altitude_source": AltitudeSource.BAROMETRIC, "cadence": CadenceChoice("cadence", 2, "test"),
            "indoor": False, "virtual": False, "elapsed_s": 3600.0, "timer_s": 3600.0,
            "device_distance_m": None, "device_ascent_m": None, "device_descent_m": None, "file_mass_kg": None,
        }  # fmt: skip
        return About(**(facts | changes))

    return make
