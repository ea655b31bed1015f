from datetime import UTC, date, datetime

import pytest

from kneeledger.errors import ConfigError
from kneeledger.local_time import local_day, offset

SUMMER = datetime(2024, 7, 1, 20, 30, tzinfo=UTC)
WINTER = datetime(2024, 1, 15, 23, 30, tzinfo=UTC)
PARIS = (48.86, 2.35)
DENVER = (39.74, -104.99)


def clocks(hours: float) -> dict[str, object]:
    local = datetime(2024, 7, 1, 20, 30, tzinfo=UTC).replace(tzinfo=None)
    return {
        "local_timestamp": local,
        "activity_timestamp": datetime.fromtimestamp(
            local.replace(tzinfo=UTC).timestamp() - hours * 3600, UTC
        ),
    }


class TestOffset:
    def test_file_when_it_says_a_quarter_hour_offset_then_it_is_believed(self):
        assert offset(SUMMER, None, clocks(5.75)) == (20_700, "file")
        assert offset(SUMMER, PARIS, {"time_zone_offset_s": 7200}) == (7200, "file")

    @pytest.mark.parametrize("hours", [0.0, 15.0, 168.0, -302_000.0, 2.1])
    def test_file_when_it_can_be_no_offset_then_the_position_decides(self, hours):
        assert offset(SUMMER, DENVER, clocks(hours)) == (-21_600, "position")

    def test_file_when_zero_near_greenwich_then_it_is_believed(self):
        assert offset(WINTER, (51.5, -0.1), clocks(0)) == (0, "file")

    def test_file_when_zero_and_no_position_then_unknown(self):
        assert offset(WINTER, None, clocks(0)) == (None, "unknown")

    def test_file_when_it_contradicts_the_position_then_it_is_ignored(self):
        assert offset(SUMMER, DENVER, clocks(8)) == (-21_600, "position")

    def test_file_when_clocks_differ_by_seconds_then_the_quarter_is_meant(self):
        assert offset(SUMMER, PARIS, clocks(2 + 2 / 3600)) == (7200, "file")

    def test_zone_when_configured_then_it_comes_before_the_position_and_knows_summer(self):
        assert offset(SUMMER, DENVER, {}, "Europe/Vienna") == (7200, "config")
        assert offset(WINTER, DENVER, {}, "Europe/Vienna") == (3600, "config")

    def test_position_when_across_the_date_line_then_the_zone_is_right(self):
        assert offset(WINTER, (-13.83, -171.77), clocks(13)) == (46_800, "file")

    def test_longitude_when_no_zone_is_found_then_an_estimate_is_marked(self, monkeypatch):
        from kneeledger import local_time

        monkeypatch.setattr(local_time, "_zone_at", lambda _lat, _lon: None)
        assert offset(SUMMER, DENVER, {}) == (-25_200, "longitude")

    def test_zone_when_it_is_none_then_a_config_error_says_so(self):
        with pytest.raises(ConfigError, match="Mars"):
            offset(SUMMER, None, {}, "Mars/Olympus")


class TestLocalDay:
    def test_late_evening_when_offset_is_known_then_it_stays_that_evening(self):
        assert local_day(datetime(2024, 7, 2, 3, 30, tzinfo=UTC), -21_600) == date(2024, 7, 1)
        assert local_day(WINTER, 3600) == date(2024, 1, 16)

    def test_day_when_offset_is_unknown_then_utc_counts(self):
        assert local_day(WINTER, None) == date(2024, 1, 15)
