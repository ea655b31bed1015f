import numpy as np
import polars as pl
import pytest

from kneeledger.readers.step_multiplier import choose, likely_sport


def leg(n=200, **columns):
    return pl.DataFrame({name: np.full(n, value, dtype=float) for name, value in columns.items()})


def decide(records, speed, sport="running", **more):
    n = records.height
    speeds = None if speed is None else np.full(n, float(speed))
    return choose(records, speeds, np.ones(n), sport=sport, **more)


class TestFactor:
    @pytest.mark.parametrize(
        ("raw", "speed", "sport", "factor"),
        [
            (83.0, 3.0, "running", 2),
            (166.0, 3.0, "running", 1),
            (80.0, 1.6, "running", 2),  # a slow jog of 160
            (55.0, 1.3, "walking", 2),
            (110.0, 1.3, "walking", 1),  # a true walk of 110 is never doubled
            (84.0, 3.0, "walking", 2),  # a run recorded as a walk
            (54.0, 1.2, "running", 2),  # a walk recorded as a run
            (120.0, 2.4, "running", 1),  # the treadmill writer of formats.md 5
            (53.0, 1.1, "hiking", 2),
            (85.0, 3.2, "unknown", 2),
        ],
    )
    def test_factor_when_only_one_fits_a_gait_then_that_one(self, raw, speed, sport, factor):
        choice = decide(leg(**{"cadence:cadence": raw}), speed, sport)
        assert (choice.field, choice.multiplier, choice.unit) == ("cadence:cadence", factor, "spm")

    def test_factor_when_neither_fits_then_no_cadence_and_said_so(self):
        choice = decide(leg(**{"cadence:cadence": 20.0}), 3.0)
        assert choice.field is None
        assert "neither" in choice.reason

    def test_factor_when_too_few_samples_then_the_usual_and_not_checked(self):
        choice = decide(leg(19, **{"cadence:cadence": 166.0}), 3.0)
        assert choice.multiplier == 2
        assert "not checked" in choice.reason

    def test_factor_when_speed_is_unknown_then_steps_alone_decide(self):
        assert decide(leg(**{"cadence:RunCadence": 84.0}), None).multiplier == 2
        assert decide(leg(**{"cadence:RunCadence": 170.0}), None).multiplier == 1

    def test_zeros_when_half_of_it_then_not_in_the_median(self):
        records = pl.DataFrame({"cadence:cadence": [0.0, 83.0] * 100})
        assert decide(records, 3.0).reason.startswith("cadence: 83")

    def test_standing_when_cadence_runs_on_then_not_in_the_median(self):
        records = pl.DataFrame({"cadence:cadence": [30.0] * 150 + [84.0] * 50})
        speed = np.array([0.0] * 150 + [3.0] * 50)
        assert choose(records, speed, np.ones(200), sport="running").multiplier == 2


class TestField:
    def test_developer_when_unit_is_rpm_or_spm_then_the_unit_decides(self):
        assert decide(leg(**{"dev:Cadence [RPM]": 85.0}), 3.0).multiplier == 2
        assert decide(leg(**{"dev:Cadence [SPM]": 153.0}), 3.0).multiplier == 1

    def test_native_when_both_then_native_counts_and_the_other_is_named(self):
        choice = decide(leg(**{"cadence:cadence": 78.0, "dev:Cadence [SPM]": 156.0}), 3.0)
        assert (choice.field, choice.multiplier) == ("cadence:cadence", 2)
        assert "Cadence [SPM]" in choice.reason

    def test_developer_when_native_is_all_zero_then_developer_counts(self):
        choice = decide(leg(**{"cadence:cadence": 0.0, "dev:Cadence [SPM]": 156.0}), 3.0)
        assert (choice.field, choice.multiplier) == ("dev:Cadence [SPM]", 1)

    def test_developer_when_unit_is_something_else_then_not_a_cadence(self):
        assert decide(leg(**{"dev:Cadence []": 156.0}), 3.0).field is None
        assert decide(leg(**{"dev:Power [RPM]": 156.0}), 3.0).field is None

    def test_ride_when_cadence_then_pedal_turns_untouched(self):
        for sport in ("cycling", "e_biking"):
            choice = decide(leg(**{"cadence:cadence": 90.0}), 8.0, sport)
            assert (choice.multiplier, choice.unit) == (1, "rpm")

    def test_strokes_when_swimming_or_rowing_then_no_steps(self):
        assert decide(leg(**{"cadence:cadence": 85.0}), 3.0, "rowing").field is None

    def test_text_when_a_column_is_words_then_ignored(self):
        records = pl.DataFrame({"dev:Cadence [SPM]": ["fast"] * 50})
        assert decide(records, 3.0).field is None

    def test_nothing_when_no_column_then_said(self):
        assert decide(leg(heart_rate_bpm=140.0), 3.0).reason == "no cadence in the file"


class TestStrides:
    def test_strides_when_they_agree_then_said_with_the_figure(self):
        choice = decide(leg(600, **{"cadence:cadence": 84.0}), 3.0, total_cycles=830.0)
        assert "agrees with the device's strides (+1." in choice.reason
        exact = decide(leg(600, **{"cadence:cadence": 84.0}), 3.0, total_cycles=840.0)
        assert exact.reason.endswith("agrees with the device's strides")

    def test_strides_when_they_differ_then_said(self):
        choice = decide(leg(600, **{"cadence:cadence": 84.0}), 3.0, total_cycles=1000.0)
        assert "strides differ (-16.0 %)" in choice.reason


class TestLikelySport:
    @pytest.mark.parametrize(
        ("raw", "speed", "sport"),
        [
            (85.0, 3.2, "running"),
            (54.0, 1.3, "walking"),
            (80.0, 8.0, "cycling"),
            (25.0, 3.0, "unknown"),
            (66.0, 1.7, "walking"),
            (69.0, 2.3, "unknown"),
        ],
    )
    def test_sport_when_no_word_then_by_cadence_and_speed(self, raw, speed, sport):
        assert likely_sport(leg(**{"cadence:cadence": raw}), np.full(200, speed)) == sport
