import re
import tomllib
from pathlib import Path

import pytest

import kneeledger
from kneeledger import analyzers, references

SOURCE = Path(kneeledger.__file__).parent
CITED = re.compile(r"\[([A-Za-z]+\d{0,4})\]_")


def test_sorted_by_key_and_complete():
    found = references.load()
    assert list(found) == sorted(found, key=str.casefold)
    for one in found.values():
        assert one.text.endswith((".", ").")), one.key
        assert one.basis in references.BASES
        assert one.doi is None or re.fullmatch(r"10\.\d{4,}/\S+", one.doi), one.key


def test_every_key_cited_in_a_docstring_exists():
    cited = {
        (path.name, key)
        for path in SOURCE.rglob("*.py")
        for key in CITED.findall(path.read_text(encoding="utf-8"))
        if key != "Key"
    }
    assert cited
    assert {one for one in cited if one[1] not in references.load()} == set()


def test_every_card_names_known_sources():
    unknown = {
        (name, key)
        for name, card in analyzers.cards().items()
        for key in card.sources
        if key not in references.load()
    }
    assert unknown == set()


@pytest.mark.parametrize("data", ["explain.toml", "validation.toml"])
def test_every_source_in_the_data_files_exists(data):
    entries = tomllib.loads((SOURCE / "data" / data).read_text(encoding="utf-8"))
    if data == "explain.toml":
        keys = {key for topic in entries.values() for key in topic["sources"]}
    else:
        keys = {row["source"] for row in entries["comparison"]}
    assert keys
    assert keys <= set(references.load())


@pytest.mark.parametrize(
    "doi",
    ["10.4085/1062-6050-0535.19", "10.1136/bjsports-2017-098890", "10.2519/jospt.2019.0302",
     "10.1249/MSS.0b013e3181ebedf4", "10.2519/jospt.2016.6494"],
)  # fmt: skip
def test_the_articles_references_by_doi(doi):
    assert doi in {one.doi for one in references.load().values()}


@pytest.mark.parametrize("number", ["28437494", "PMC5095941"])
def test_the_articles_references_by_number(number):
    assert any(number in one.text for one in references.load().values())


def test_cite_says_what_was_not_read():
    assert "doi:10.1249/MSS.0b013e3182a78c3a" in references.cite("Lenhart2014")
    assert references.cite("VanHooren2024").endswith("(Not read by this project.)")
    with pytest.raises(KeyError):
        references.cite("Nobody1900")
