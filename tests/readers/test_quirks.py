"""Every row of the list of file quirks has a test; this module holds the list, and the tests that had no other home.

Rows are those of the project's study of real exports: F = FIT container and decoding, T = time, P = position
and altitude, G = GPX, X = TCX, N = the nastiest real files. `WHERE` says which tests answer for a row; the
tests at the end see that each of them exists and that no row is left out.
"""

import ast
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from kneeledger import analyze, readers
from kneeledger.model import Source
from kneeledger.preparation import prepare

TESTS = Path(__file__).resolve().parents[1]
FIT, GPX, TCX = "readers/test_fit.py", "readers/test_gpx.py", "readers/test_tcx.py"
MEND, ZONE, RISE = "test_mending.py", "test_local_time.py", "test_elevation.py"
DOOR, HERE, REAL = "readers/test_front_door.py", "readers/test_quirks.py", "corpus/test_acceptance.py"
DOWN, XML = "analyzers/test_downhill.py", "readers/test_xml.py"

WHERE = {
    "F1": (FIT, "test_a_size_that_does_not_fit_the_type_is_raw_bytes"),
    "F2": (FIT, "test_compressed_time_stamps_count_on_and_roll_over"),
    "F3": (FIT, "test_wrong_crc_is_told_and_nothing_is_lost"),
    "F4": (FIT, "test_cut_file_keeps_whole_messages"),
    "F5": (FIT, "test_size_zero_uses_the_length_of_the_file"),
    "F6": (FIT, "test_bytes_behind_the_declared_end_are_left_and_told"),
    "F7": (FIT, "test_chained_files_restart_definitions"),
    "F8": (FIT, "test_a_hole_is_passed_over_and_told"),
    "F9": (FIT, "test_local_type_redefined_in_mid_file_uses_the_latest"),
    "F10": (FIT, "test_developer_fields_never_touch_native_ones"),
    "F11": (FIT, "test_unknown_messages_and_fields_keep_their_numbers"),
    "F12": (FIT, "test_what_is_no_fit_is_named"),
    "F13": (FIT, "test_twelve_byte_header_and_crc_zero_are_read_without_a_word"),
    "F14": (FIT, "test_junk_behind_the_activity_message_is_left"),
    "F15": (FIT, "test_not_given_is_null_in_every_type"),
    "T1": (ZONE, "test_late_evening_when_offset_is_known_then_it_stays_that_evening"),
    "T2": (ZONE, "test_file_when_it_can_be_no_offset_then_the_position_decides"),
    "T3a": (MEND, "test_month_with_timer_stopped_when_mended_then_two_parts_on_their_days"),
    "T3b": (MEND, "test_clock_set_on_the_way_when_way_goes_on_then_head_moves_to_meet_it"),
    "T3c": (MEND, "test_block_two_years_ahead_when_it_comes_back_then_whole_days_are_taken_off"),
    "T3d": (MEND, "test_one_wild_stamp_when_decades_ahead_then_that_record_goes"),
    "T4": (MEND, "test_pairs_when_halves_of_a_record_then_merged_by_field"),
    "T5": (MEND, "test_sparse_recording_when_a_minute_a_point_then_time_is_kept"),
    "T6": (MEND, "test_timer_stop_when_way_goes_on_then_not_believed"),
    "T7": (MEND, "test_multisport_when_split_then_each_leg_has_its_rows_sport_and_totals"),
    "T8": (HERE, "test_t8_fit_when_without_session_or_lap_then_totals_from_the_records"),
    "T9": (MEND, "test_timer_when_over_elapsed_then_never_longer_than_elapsed"),
    "T10": (HERE, "test_t10_five_records_a_second_when_read_then_spread_and_none_lost"),
    "P1": (MEND, "test_jump_when_one_position_is_kilometres_away_then_only_that_is_null"),
    "P2": (RISE, "test_placeholders_are_missing_however_long"),
    "P3": (RISE, "test_a_step_starts_a_new_level_without_gain_or_loss"),
    "P4": (RISE, "test_placeholders_are_missing_however_long"),
    "P5": (RISE, "test_flat_ground_has_no_descent"),
    "P6": (RISE, "test_no_altitude_is_null_and_never_zero"),
    "P7": (MEND, "test_distance_when_it_and_positions_disagree_then_told_and_kept"),
    "P8": (DOWN, "test_what_no_leg_braked_is_never_counted"),
    "P9": (RISE, "test_lifts_and_cars_are_never_counted"),
    "P10": (DOWN, "test_a_device_that_counts_otherwise_is_told"),
    "P11": (RISE, "test_a_spike_is_cut_out_and_not_smeared"),
    "P12": (DOWN, "test_what_no_leg_braked_is_never_counted"),
    "P13": (RISE, "test_flat_altitude_against_a_device_that_went_down_is_unusable"),
    "G1": (GPX, "test_g1_extensions_when_under_any_prefix_then_one_column_each"),
    "G2": (GPX, "test_g2_prefix_when_undeclared_after_a_mark_then_read_once_and_told"),
    "G3": (GPX, "test_g3_point_when_without_position_then_dropped_and_counted"),
    "G4": (GPX, "test_g4_file_when_cut_then_kept_up_to_the_cut"),
    "G5": (GPX, "test_g5_points_when_without_time_or_elevation_then_planned_and_null"),
    "G6": (GPX, "test_g6_segments_when_some_are_empty_then_numbered_through"),
    "G7": (GPX, "test_g7_times_when_with_offset_then_utc_and_offset_kept"),
    "G8": (GPX, "test_g8_type_when_number_or_word_then_sport"),
    "G9": (GPX, "test_g9_segment_when_empty_then_told_to_use_the_fit"),
    "G10": (GPX, "test_g10_values_when_twice_or_decimal_then_first_non_empty_and_rounded"),
    "G11": (GPX, "test_g11_accuracy_when_worse_than_30_m_then_dropped"),
    "G12": (GPX, "test_g12_doctype_when_with_entities_then_skipped_and_none_expanded"),
    "G13": (GPX, "test_g13_bytes_when_windows_1252_under_utf_8_then_only_the_name_suffers"),
    "X1": (TCX, "test_x1_file_when_blanks_and_mark_before_the_declaration_then_read_and_told"),
    "X2": (TCX, "test_x2_cadence_when_under_any_name_then_raw_under_its_own"),
    "X3": (TCX, "test_x3_multisport_when_read_then_split_with_transition"),
    "X4": (HERE, "test_x4_lap_boundary_when_the_point_comes_twice_then_once_with_the_fields_of_both"),
    "X5": (HERE, "test_x5_distance_when_missing_in_some_points_then_interpolated_and_told"),
    "X6": (TCX, "test_x6_sport_when_in_any_case_then_folded"),
    "X7": (TCX, "test_x7_file_when_courses_only_then_planned"),
    "X8": (TCX, "test_x8_points_when_without_position_then_kept"),
    "X9": (HERE, "test_x9_altitude_when_zero_between_good_values_then_no_descent_from_it"),
    "X10": (TCX, "test_x10_root_when_activities_and_prefix_undeclared_then_read"),
    "X11": (TCX, "test_x11_activities_when_several_in_any_order_then_each_with_its_own_start"),
    "X12": (HERE, "test_x12_points_when_a_second_back_then_dropped_and_told"),
    "N1": (REAL, "test_n01_size_zero_when_read_then_all_of_the_ride"),
    "N2": (REAL, "test_n02_zwift_without_size_when_read_then_virtual"),
    "N3": (REAL, "test_n03_damaged_run_when_read_then_the_whole_hour_and_never_years"),
    "N4": (REAL, "test_n04_hole_when_read_then_all_but_its_seconds"),
    "N5": (REAL, "test_n05_junk_after_the_end_when_read_then_one_day"),
    "N6": (REAL, "test_n06_month_between_two_parts_when_read_then_each_on_its_day"),
    "N7": (REAL, "test_n07_altitude_sentinel_when_read_then_missing"),
    "N8": (REAL, "test_n08_skiing_when_read_then_its_sport_stands_and_no_steps"),
    "N9": (REAL, "test_n09_swim_run_when_read_then_nineteen_legs"),
    "N10": (HERE, "test_n10_three_runs_in_reverse_order_when_read_then_each_its_own"),
    "N11": (REAL, "test_n11_late_samples_when_read_then_file_order_and_never_sorted"),
    "N12": (REAL, "test_n12_broken_xml_when_read_then_cadence_of_one_leg_doubled"),
    "N13": (REAL, "test_n13_one_time_on_all_points_when_read_then_planned"),
    "N14": (REAL, "test_n14_duplicate_times_when_read_then_merged_spread_or_not_used"),
    "N15": (REAL, "test_n15_days_between_pause_and_restart_when_read_then_two_rides"),
    "N16": (REAL, "test_n16_resource_fork_when_read_then_named"),
    "N17": (REAL, "test_n17_header_crc_zero_when_read_then_no_warning"),
    "N18": (REAL, "test_n18_nothing_to_read_when_read_then_the_reason_is_clear"),
    "N19": (REAL, "test_n19_records_two_years_ahead_when_read_then_one_ride_of_one_day"),
}
"""Row of the list -> the module and name of the test that answers for it."""
BEGIN = datetime(2024, 3, 1, 10, tzinfo=UTC)


def point(second, *, metres=None, altitude=100.0, more="", start=BEGIN):
    when = (start + timedelta(seconds=second)).strftime("%Y-%m-%dT%H:%M:%SZ")
    length = "" if metres is None else f"<DistanceMeters>{metres}</DistanceMeters>"
    return (
        f"<Trackpoint><Time>{when}</Time><Position><LatitudeDegrees>{47 + second * 2.7e-5:.7f}</LatitudeDegrees>"
        f"<LongitudeDegrees>11.4</LongitudeDegrees></Position><AltitudeMeters>{altitude}</AltitudeMeters>"
        f"{length}{more}</Trackpoint>"
    )


def activity(*laps, start=BEGIN):
    when = start.strftime("%Y-%m-%dT%H:%M:%SZ")
    inner = "".join(f'<Lap StartTime="{when}"><Track>{"".join(points)}</Track></Lap>' for points in laps)
    return f'<Activity Sport="Running"><Id>{when}</Id>{inner}</Activity>'


def read(*activities):
    text = (
        '<?xml version="1.0"?><TrainingCenterDatabase '
        'xmlns="http://www.garmin.com/xmlschemas/TrainingCenterDatabase/v2">'
        f"<Activities>{''.join(activities)}</Activities></TrainingCenterDatabase>"
    )
    return readers.read(Source("made.tcx", text.encode(), "0" * 64, Path("made.tcx")))


def codes(recording):
    return {issue.code: issue.count for issue in recording.issues}


def test_x4_lap_boundary_when_the_point_comes_twice_then_once_with_the_fields_of_both():
    beats = "<HeartRateBpm><Value>151</Value></HeartRateBpm>"
    first = [point(k, metres=3 * k) for k in range(60)]
    second = [
        point(59, metres=177, more=beats),
        *(point(k, metres=3 * k, more=beats) for k in range(60, 120)),
    ]
    (run,) = read(activity(first, second))
    assert run.records.height == 120
    assert run.records["time"].is_unique().all()
    assert run.records["heart_rate_bpm"][59] == 151
    assert run.records["distance_m"].max() == 357.0


def test_x5_distance_when_missing_in_some_points_then_interpolated_and_told():
    points = [point(k, metres=None if 20 <= k < 30 else 3.0 * k) for k in range(60)]
    (run,) = read(activity(points))
    assert run.records["distance_m"].null_count() == 0
    assert run.records["distance_m"][25] == pytest.approx(75.0, abs=0.5)
    assert any("distance" in code for code in codes(run))


def test_x9_altitude_when_zero_between_good_values_then_no_descent_from_it():
    points = [point(k, metres=3.0 * k, altitude=0.0 if k in (200, 201) else 500.0) for k in range(400)]
    (run,) = read(activity(points))
    track = prepare(run)
    assert track.frame["grade"].abs().max() < 0.01
    assert analyze(track).metrics["descent_m"].value == pytest.approx(0.0, abs=1.0)


def test_x12_points_when_a_second_back_then_dropped_and_told():
    seconds = [*range(30), 28, *range(30, 60)]
    (run,) = read(activity([point(k, metres=3.0 * k) for k in seconds]))
    assert run.records.height == 60
    assert run.records["time"].is_sorted()
    assert codes(run)["late_points_dropped"] == 1


def test_n10_three_runs_in_reverse_order_when_read_then_each_its_own():
    starts = [BEGIN + timedelta(hours=h) for h in (75, 30, 0)]
    runs = read(
        *(activity([point(k, metres=3.0 * k, start=at) for k in range(90)], start=at) for at in starts)
    )
    assert [run.about.start for run in runs] == starts
    assert [run.about.part for run in runs] == [0, 1, 2]
    assert all((run.about.end - run.about.start) == timedelta(seconds=89) for run in runs)
    assert all(run.records["distance_m"].max() == pytest.approx(267.0) for run in runs)


def test_t10_five_records_a_second_when_read_then_spread_and_none_lost():
    points = [point(k // 5, metres=0.6 * k, more="") for k in range(300)]
    (run,) = read(activity(points))
    assert run.records.height == 300
    step = run.records["time"].diff().dt.total_milliseconds().drop_nulls()
    assert step.median() == 200
    assert step.min() > 0


def fit_without_totals():
    import struct

    from kneeledger.readers.fit_layout import crc16

    start = int((BEGIN - datetime(1989, 12, 31, tzinfo=UTC)).total_seconds())
    body = struct.pack("<BBBHB", 0x40, 0, 0, 0, 1) + bytes((0, 1, 0)) + bytes((0, 4))
    body += struct.pack("<BBBHB", 0x41, 0, 0, 20, 4) + bytes((253, 4, 0x86, 5, 4, 0x86, 6, 2, 0x84, 4, 1, 2))
    for second in range(600):
        body += struct.pack("<BIIHB", 1, start + second, 300 * second, 3000, 84)
    head = struct.pack("<BBHI4s", 12, 0x20, 2132, len(body), b".FIT")
    return head + body + struct.pack("<H", crc16(head + body))


def test_t8_fit_when_without_session_or_lap_then_totals_from_the_records():
    (run,) = readers.read(Source("made.fit", fit_without_totals(), "0" * 64, Path("made.fit")))
    assert run.about.start == BEGIN
    assert run.about.elapsed_s == pytest.approx(599)
    assert run.about.timer_s == pytest.approx(599)
    assert run.records["distance_m"].max() == pytest.approx(1_797)
    assert run.sport == "running"
    assert "sport_inferred" in codes(run)


def rows():
    counts = {"F": 15, "P": 13, "G": 13, "X": 12, "N": 19}
    found = {f"{kind}{k}" for kind, count in counts.items() for k in range(1, count + 1)}
    return found | {f"T{k}" for k in (1, 2, 4, 5, 6, 7, 8, 9, 10)} | {f"T3{case}" for case in "abcd"}


def test_every_row_is_answered_for():
    assert set(WHERE) == rows()


@pytest.mark.parametrize("module", sorted({module for module, _ in WHERE.values()}))
def test_the_named_tests_exist(module):
    tree = ast.parse((TESTS / module).read_text(encoding="utf-8"))
    have = {node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)}
    assert {name for place, name in WHERE.values() if place == module} <= have
