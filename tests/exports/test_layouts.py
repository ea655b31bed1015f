"""What all layouts have in common."""

from hypothesis import given
from hypothesis import strategies as st

from kneeledger.exports import LAYOUTS
from kneeledger.sources import Listing

PARTS = (
    *(
        "DI_CONNECT",
        "Garmin",
        "GARMIN",
        "Activity",
        "activities",
        "Activities.csv",
        "apple_health_export",
        "Export.xml",
    ),
    *(
        "workout-routes",
        "training-session-2024-x.json",
        "cardioActivities.csv",
        "a.json.gz",
        "b.SML",
        "c.fit",
    ),
    *("inProgressActivity.fit", "UploadedFiles_0_Part1.zip", "x_summarizedActivities.json"),
)
NAMES = st.lists(st.sampled_from(PARTS), min_size=1, max_size=3).map("/".join)


@given(
    st.lists(NAMES, max_size=4),
    st.sampled_from(["/x", "/x/GARMIN", "/x/e.zip!/DI_CONNECT/k.zip!", "/x/Garmin"]),
)
def test_a_layout_finds_nothing_where_no_mark_of_it_is(named, path):
    listing = Listing(path, dict.fromkeys(named))
    told = "\n".join([f"{path}/", *named]).lower()
    for layout in LAYOUTS:
        if list(layout.guides(listing)):
            assert any(mark in told for mark in layout.MARKS), layout.__name__
