from datetime import UTC, datetime

import pytest

from kneeledger.exports import ByHand, Skipped, Source, sources, strava

HEADER = (
    "Activity ID,Activity Date,Activity Name,Activity Type,Activity Description,Elapsed Time,Distance,Max Heart Rate,"
    "Relative Effort,Commute,Activity Private Note,Activity Gear,Filename,Athlete Weight,Bike Weight,Elapsed Time,"
    "Moving Time,Distance"
)
GERMAN = (
    "Aktivitäts-ID,Aktivitätsdatum,Name der Aktivität,Aktivitätsart,Beschreibung der Aktivität,Verstrichene Zeit,Distanz,"
    "Maximale Herzfrequenz,Relative Leistung,Arbeitsweg,Private Anmerkung,Aktivitätsausrüstung,Dateiname,Gewicht,"
    "Radgewicht,Verstrichene Zeit,Bewegungszeit,Distanz"
)
UNKNOWN = "a,b,c,d,e,f,g,h,i,j,k,l,m,n,o,p,q,r"


def rows(header, date, kind, comma="."):
    km = f'"10{comma}02"' if comma == "," else "10.02"
    return (
        f"{header}\n"
        f'101,"{date}",Morning,{kind},"two\nlines, and a comma",3600,{km},,,false,,Blue shoes,'
        "activities/900.fit.gz,,,3600,3500,10020.5\n"
        f'102,"{date}",By hand,{kind},,1800,5,,,false,,,,,,1800,1800,5000\n'
        f'103,"{date}",Broken,{kind},,1800,5,,,false,,,#error#,,,1800,1700,5000\n'
    )


@pytest.fixture
def account(made):
    import gzip

    return {
        "activities/900.fit.gz": gzip.compress(made.fit()),
        "activities/901.gpx": made.gpx(),
        "routes/1.gpx": made.gpx(),
        "media/a.jpg": b"\xff\xd8\xff",
        "privacy_zones.csv": "address,latitude\n",
        "profile.csv": "mail\n",
        "contacts.csv": "x",
        "followers.csv": "x",
        "logins.csv": "x",
        "shoes.csv": "x",
        "messages.pdf": "%PDF-",
    }


def test_strava_joins_the_table_to_files_by_the_path_cell(export, account):
    path = export(account | {"activities.csv": rows(HEADER, "Sep 12, 2018, 3:02:23 PM", "Run")})
    found = list(sources([path]))
    read = {one.path.rpartition("/")[2]: one for one in found if isinstance(one, Source)}
    assert sorted(read) == ["900.fit.gz", "901.gpx"]
    assert read["900.fit.gz"].context == {
        "layout": "strava",
        "activity_id": "101",
        "title": "Morning",
        "gear": "Blue shoes",
        "sport": "running",
    }
    assert read["901.gpx"].context == {"layout": "strava"}
    by_hand = [one for one in found if isinstance(one, ByHand)]
    assert [(one.title, one.sport, one.duration_s, one.distance_m) for one in by_hand] == [
        ("By hand", "running", 1800.0, 5000.0),
        ("Broken", "running", 1700.0, 5000.0),
    ]
    assert by_hand[0].start == datetime(2018, 9, 12, 15, 2, 23, tzinfo=UTC)
    assert not by_hand[0].maybe_recorded


def test_strava_cuts_words_that_are_endless(export, account):
    table = rows(HEADER, "Sep 12, 2018, 3:02:23 PM", "Run").replace("Morning", "x" * 90_000)
    path = export(account | {"activities.csv": table.replace("By hand", "y" * 90_000)})
    found = list(sources([path]))
    titles = [one.context.get("title", "") for one in found if isinstance(one, Source)]
    titles += [one.title for one in found if isinstance(one, ByHand)]
    assert sorted(map(len, titles)) == [0, len("Broken"), 1_000, 1_000]


def test_strava_opens_nothing_but_the_table_and_recordings(export, account, opened):
    path = export(account | {"activities.csv": rows(HEADER, "Sep 12, 2018, 3:02:23 PM", "Run")})
    found = list(sources([path]))
    assert set(opened) - {"export.zip"} == {"activities.csv", "activities/900.fit.gz", "activities/901.gpx"}
    told = {one.path.rpartition("/")[2]: one.code for one in found if isinstance(one, Skipped)}
    assert told["privacy_zones.csv"] == "not_opened"
    assert told["1.gpx"] == "planned"


@pytest.mark.parametrize(
    ("header", "date", "kind", "comma"),
    [
        (GERMAN, "12.09.2018, 15:02:23", "Lauf", ","),
        (HEADER, "12 sept. 2018 à 15:02:23", "Course à pied", ","),
        (HEADER, "12 de set. de 2018, 15:02:23", "Corrida", ","),
        (HEADER, "2018-09-12 15:02:23", "Run", "."),
        (HEADER, "2018/09/12 15:02:23", "Run", "."),
    ],
)
def test_strava_reads_tables_in_other_languages(export, account, header, date, kind, comma):
    path = export(account | {"activities.csv": rows(header, date, kind, comma)})
    found = list(sources([path]))
    by_hand = [one for one in found if isinstance(one, ByHand)]
    assert by_hand[0].start == datetime(2018, 9, 12, 15, 2, 23, tzinfo=UTC)
    assert by_hand[0].sport == "running"
    assert by_hand[0].distance_m == 5000.0


def test_strava_when_no_header_is_known_still_joins_by_shape(export, account):
    path = export(account | {"activities.csv": rows(UNKNOWN, "?", "?")})
    found = list(sources([path]))
    assert sum(isinstance(one, Source) for one in found) == 2
    assert [(one.start, one.duration_s, one.sport) for one in found if isinstance(one, ByHand)] == [
        (None, None, "unknown")
    ] * 2


def test_strava_when_a_date_is_in_doubt_leaves_it_unknown():
    assert strava._start({"date": "03/04/2019, 10:00:00"}) is None
    assert strava._start({"date": "23/04/2019, 10:00:00"}) == datetime(2019, 4, 23, 10, tzinfo=UTC)


def test_strava_when_nothing_changed_does_not_read_the_table(export, account, opened):
    path = export(account | {"activities.csv": rows(HEADER, "Sep 12, 2018, 3:02:23 PM", "Run")})
    memory = {one.path: one.stamp for one in sources([path])}
    opened.clear()
    found = list(sources([path], known=lambda at, stamp: memory.get(at) == stamp))
    assert {one.code for one in found} == {"unchanged"}
    assert set(opened) <= {"export.zip"}


def test_strava_when_the_table_is_damaged_reads_the_recordings(export, account):
    path = export(account | {"activities.csv": b'a,b\n"' + b"x" * 3_000_000})
    found = list(sources([path]))
    assert sum(isinstance(one, Source) for one in found) == 2
    assert [
        one.code for one in found if isinstance(one, Skipped) and one.path.endswith("activities.csv")
    ] == ["damaged"]


def test_strava_when_a_time_is_out_of_range_keeps_the_row(export, account):
    table = 'Activity ID,Activity Date,Activity Type,Elapsed Time,Distance,Filename\n1,"Mar 3, 2023, 10:00:00 AM",Run,'
    account["activities.csv"] = f"{table}{'9' * 21},{'9' * 24},\n"
    (row,) = [one for one in sources([export(account)]) if isinstance(one, ByHand)]
    assert (row.sport, row.duration_s, row.distance_m) == ("running", None, None)
