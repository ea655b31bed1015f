import time
from datetime import UTC, datetime

import pytest

from kneeledger.exports import ByHand, Skipped, Source, apple, sources
from kneeledger.sources import Refused

HEAD = (
    '<?xml version="1.0"?>\n<!DOCTYPE HealthData [\n<!ELEMENT HealthData (Workout*)>\n broken ]>\n'
    '<HealthData locale="x">\n'
)
ROUTED = (
    ' <Workout workoutActivityType="HKWorkoutActivityTypeRunning" duration="30.5" durationUnit="min" totalDistance="5.2"'
    ' totalDistanceUnit="km" startDate="2023-03-01 10:00:00 +0100" endDate="2023-03-01 10:31:00 +0100">\n'
    '  <WorkoutRoute><FileReference path="/workout-routes/route_2023-03-01_10.31am.gpx"/></WorkoutRoute>\n </Workout>\n'
)
INDOOR = (
    ' <Workout workoutActivityType="HKWorkoutActivityTypeWalking" duration="60" durationUnit="min"'
    ' startDate="2023-03-02 10:00:00 -0500" endDate="2023-03-02 11:00:00 -0500">\x0b\n'
    '  <WorkoutStatistics type="HKQuantityTypeIdentifierActiveEnergyBurned" sum="200" unit="kcal"/>\n'
    '  <WorkoutStatistics type="HKQuantityTypeIdentifierDistanceWalkingRunning" sum="3" unit="mi"/>\n </Workout>\n'
)
BARE = (
    ' <Workout workoutActivityType="HKWorkoutActivityTypeCycling" startDate="2023-03-03 10:00:00 +0000"'
    ' endDate="2023-03-03 10:10:00 +0000"/>\n'
)
RECORD = ' <Record type="HKQuantityTypeIdentifierStepCount" value="12"/>\n'
XML = HEAD + RECORD * 5 + ROUTED + RECORD + INDOOR + BARE + RECORD * 3 + "</HealthData>"


@pytest.fixture
def health(made):
    root = "apple_health_export/"
    return {
        f"{root}export.xml": XML,
        f"{root}export_cda.xml": "<ClinicalDocument><broken",
        f"{root}electrocardiograms/e.csv": "name,birth\n",
        f"{root}workout-routes/route_2023-03-01_10.31am.gpx": made.gpx(),
    }


def test_apple_joins_routes_to_workouts_and_keeps_the_others_as_totals(export, health):
    found = list(sources([export(health)]))
    read = [one for one in found if isinstance(one, Source)]
    assert [one.context for one in read] == [{"layout": "apple", "sport": "running", "utc_offset_s": "3600"}]
    walk, ride = [one for one in found if isinstance(one, ByHand)]
    assert (walk.sport, walk.duration_s, walk.utc_offset_s) == ("walking", 3600.0, -18_000)
    assert walk.distance_m == pytest.approx(4828.032)
    assert walk.start == datetime(2023, 3, 2, 15, tzinfo=UTC)
    assert (ride.sport, ride.duration_s, ride.distance_m) == ("cycling", 600.0, None)


def test_apple_opens_no_clinical_record(export, health, opened):
    found = list(sources([export(health)]))
    assert not [name for name in opened if "cda" in name or "electro" in name]
    assert {one.code for one in found if isinstance(one, Skipped)} == {"not_opened", "table"}


def test_apple_when_the_file_has_another_name_is_found_by_its_folder(export, health):
    health["apple_health_export/Exportieren.xml"] = health.pop("apple_health_export/export.xml")
    assert sum(isinstance(one, ByHand) for one in sources([export(health)])) == 2


@pytest.mark.parametrize("size", [1, 7, 64, 1000, 1 << 20])
def test_apple_finds_the_same_workouts_in_pieces_of_any_size(size):
    data = XML.encode()
    whole = list(apple._blocks(iter([data])))
    pieces = list(apple._blocks(data[k : k + size] for k in range(0, len(data), size)))
    assert len(whole) == 3
    assert pieces == whole


def test_apple_when_a_workout_never_ends_stays_bounded():
    endless = (b"<Workout a='1'>" if k == 0 else b"x" * 100_000 for k in range(60))
    assert [len(block) < 1_100_000 for block in apple._blocks(endless)] == [True]


@pytest.mark.parametrize("unit", [b"<Workout >", b"<Workout ", b"<Workout a", b"<Workout ><x>"])
def test_apple_when_broken_workouts_repeat_ends_soon(unit):
    chunk = unit * (4_000_000 // len(unit))
    began = time.process_time()
    told = _Told([chunk[k : k + (1 << 20)] for k in range(0, len(chunk), 1 << 20)])
    with pytest.raises(Refused):
        apple.Apple("", told).workouts()
    assert time.process_time() - began < 40


class _Told:
    def __init__(self, pieces):
        self.pieces = pieces

    def chunks(self):
        yield from self.pieces


@pytest.mark.parametrize("size", [13, 64, 10_000])
def test_apple_gives_the_same_workouts_however_the_bytes_come(size):
    data = (XML + '<Workout a="never closed" <Workout b="1"/>' + "<Workout " + "a" * 70_000 + BARE).encode()
    pieces = (data[k : k + size] for k in range(0, len(data), size))
    blocks = list(apple._blocks(pieces))
    assert [block[:11] for block in blocks] == [b"<Workout wo"] * 3 + [b"<Workout b=", b"<Workout wo"]
    assert b"route_2023" in blocks[0]
    assert b"StatisticsDistance" in blocks[1].replace(b"HKQuantityTypeIdentifier", b"Statistics")


def test_apple_when_a_date_is_out_of_range_reads_the_rest(export, health):
    odd = BARE.replace("2023-03-03 10:00:00 +0000", "0001-01-01 00:00:00 +0500")
    health["apple_health_export/export.xml"] = HEAD + odd + INDOOR + "</HealthData>"
    ride, walk = [one for one in sources([export(health)]) if isinstance(one, ByHand)]
    assert (ride.start, walk.duration_s) == (None, 3600.0)


def test_apple_when_the_file_is_larger_than_memory_is_streamed(tmp_path, made):
    import tracemalloc

    path = tmp_path / "export.zip"
    records = "".join(RECORD.replace("12", str(hash((k, 7)) % 10**15)) for k in range(250_000))
    text = HEAD + records + INDOOR + "</HealthData>"
    path.write_bytes(made.zipped({"apple_health_export/export.xml": text}))
    assert len(text) > 15_000_000
    del text, records
    tracemalloc.start()
    found = [one for one in sources([path]) if isinstance(one, ByHand)]
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert len(found) == 1
    assert peak < 8 << 20
