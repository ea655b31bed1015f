import pytest

from kneeledger.plurals import count


@pytest.mark.parametrize(
    ("many", "words", "told"),
    [
        (0, ("ride",), "0 rides"),
        (1, ("ride",), "1 ride"),
        (2, ("ride",), "2 rides"),
        (1, ("copy", "copies"), "1 copy"),
        (12_345, ("copy", "copies"), "12,345 copies"),
        (1, ("position lies", "positions lie"), "1 position lies"),
        (3, ("position lies", "positions lie"), "3 positions lie"),
    ],
)
def test_a_noun_and_its_verb_follow_the_number(many, words, told):
    assert count(many, *words) == told
