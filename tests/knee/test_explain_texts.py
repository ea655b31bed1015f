import tomllib
from importlib import resources

import pytest

from kneeledger import references
from kneeledger.model import Evidence

TOPICS = tomllib.loads(
    resources.files("kneeledger.data").joinpath("explain.toml").read_text(encoding="utf-8")
)
ASKED = [
    "knee-load",
    "easy-minutes",
    "peak-weighted",
    "downhill-models",
    "uncertainty",
    "walking",
    "cycling",
    "mass",
    "decomposition",
    "what-if",
    "validation",
    "article",
    "grade",
    "descent",
    "cadence",
    "session-spike",
    "acwr",
    "ewma",
    "monotony",
    "fitness-fatigue",
    "headroom",
    "pain-rules",
    "profile",
    "forecast",
    "altitude-source",
    "as-of",
]
RECALLED = {key for key, one in references.load().items() if one.basis == "recalled"}


@pytest.mark.parametrize("topic", ASKED)
def test_every_topic_is_there(topic):
    assert topic in TOPICS


@pytest.mark.parametrize("topic", TOPICS)
def test_every_topic_is_complete(topic):
    entry = TOPICS[topic]
    assert set(entry) == {"title", "text", "formula", "unit", "evidence", "sources", "limits"}
    assert entry["evidence"] in {word.value for word in Evidence}
    assert entry["title"]
    assert len(entry["text"]) > 100
    assert all(len(line) <= 120 for line in entry["text"].splitlines())


@pytest.mark.parametrize("topic", TOPICS)
def test_nothing_rests_on_what_was_only_remembered(topic):
    listed_by_the_article = {"Esculier2020", "Willy2019", "Willy2016", "PostDye2017", "WillyMeira2016"}
    assert not (set(TOPICS[topic]["sources"]) & RECALLED) - listed_by_the_article


@pytest.mark.parametrize(
    "phrase", ["0.8-1.3", "will get injured", "sweet spot", "you should run faster", "safe zone"]
)
def test_no_myths(phrase):
    assert all(phrase not in entry["text"].lower() for entry in TOPICS.values())


def test_assumptions_say_so():
    for name in ("profile", "mass", "headroom", "pain-rules", "altitude-source", "as-of"):
        assert TOPICS[name]["evidence"] == "project rule"
    assert TOPICS["downhill-models"]["evidence"] == "contested"
