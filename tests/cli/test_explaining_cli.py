"""explain, doctor, config."""

import json
import re
import tomllib

import pytest

from kneeledger import analyzers
from kneeledger.pipeline import explaining, settings


class TestExplain:
    def test_lists_every_topic_and_metric(self, call):
        told = call("explain").stdout
        for name in (*analyzers.cards(), "downhill-models", "session-spike"):
            assert f"\n{name}" in told

    @pytest.mark.parametrize("topic", [one["name"] for one in explaining.topics()])
    def test_every_topic_says_something_with_sources(self, topic):
        found = explaining.explain(topic)
        assert found["text"]
        told = explaining.as_text(found, 100)
        assert not [line for line in told.splitlines() if len(line) > 100]

    def test_json(self, call):
        told = json.loads(call("explain", "easy-minutes", "--format", "json").stdout)
        assert next(iter(told)) == "schema_version"
        assert told["references"]

    def test_near_miss_is_suggested(self, call):
        found = call("explain", "downhil-models")
        assert found.exit_code == 2
        assert "downhill-models" in found.stderr

    def test_validation_shows_the_table(self, call):
        told = call("explain", "validation").stdout
        assert "published" in told
        assert "model" in told


class TestDoctor:
    def test_without_a_file_the_installation(self, call):
        told = json.loads(call("doctor", "--format", "json").stdout)
        assert {"kneeledger", "python", "polars", "fitparse", "ledger", "settings"} <= set(told)

    def test_a_truncated_file_with_a_second_opinion(self, call, fixtures):
        found = call("doctor", fixtures / "export" / "loose" / "truncated.fit", "--second-opinion")
        assert found.exit_code == 0
        assert "fit_cut" in found.stdout
        assert "Second opinion by fitparse" in found.stdout
        assert found.stdout.count("truncated.fit: read") == 1

    @pytest.mark.parametrize(
        ("name", "word"),
        [
            ("strava/routes/planned-course.gpx", "kneeledger forecast"),
            ("loose/readme-from-the-coach.txt", "no FIT"),
        ],
    )
    def test_what_is_no_activity_is_skipped_with_a_reason(self, call, fixtures, name, word):
        found = call("doctor", fixtures / "export" / name)
        assert found.exit_code == 0
        assert "skipped" in found.stdout
        assert word in found.stdout

    def test_a_damaged_file_fails_with_a_reason(self, call, tmp_path):
        bad = tmp_path / "bad.fit"
        bad.write_bytes(b"\x0e\x10\xd9\x07\x00\x00\x00\x00.FIT")
        found = call("doctor", bad)
        assert found.exit_code == 2
        assert "failed" in found.stdout

    def test_no_position_is_printed(self, call, fixtures):
        told = call("doctor", fixtures / "export" / "loose" / "truncated.fit", "--format", "json").stdout
        assert "-30." not in told


class TestConfig:
    def test_show_names_every_setting_and_where_it_came_from(self, call, tmp_path):
        (tmp_path / "work" / "kneeledger.toml").write_text('units = "imperial"\n', encoding="utf-8")
        told = json.loads(call("config", "show", "--format", "json").stdout)["settings"]
        assert [one["key"] for one in told] == [one.key for one in settings.SETTINGS]
        by_key = {one["key"]: one for one in told}
        assert by_key["units"]["value"] == "imperial"
        assert "kneeledger.toml" in by_key["units"]["from"]
        assert by_key["tz"]["from"] == "default"

    def test_init_writes_a_file_that_means_the_defaults(self, call, tmp_path):
        assert call("config", "init").exit_code == 0
        text = (tmp_path / "work" / "kneeledger.toml").read_text(encoding="utf-8")
        assert tomllib.loads(text) == {}
        for one in settings.SETTINGS:
            assert one.key in text
        lines = [line.removeprefix("# ") for line in text.splitlines() if re.match(r"# \w+ = ", line)]
        assert len(lines) == len(settings.SETTINGS)
        (tmp_path / "work" / "kneeledger.toml").write_text("\n".join(lines), encoding="utf-8")
        assert call("config", "show").exit_code == 0
        again = call("config", "init")
        assert again.exit_code == 2
        assert "exists" in again.stderr
