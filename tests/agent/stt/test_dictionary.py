import pytest

from switchboard_agent.stt.compiler import compile_script
from switchboard_agent.stt.dictionary import UnknownWordsError, base_dictionary, pronounce
from switchboard_contract.dialog import Intent, Script


def test_every_way_to_say_a_word_is_listed() -> None:
    assert pronounce(["the"], {"the": ["DH AH", "DH IY"]}, {}) == "the DH AH\nthe(2) DH IY\n"


def test_words_that_the_base_lacks_come_from_the_extra_list() -> None:
    assert pronounce(["toothache"], {}, {}) == "toothache T UW TH EY K\n"


def test_a_script_may_add_sounds_to_a_known_word() -> None:
    added = pronounce(["lima"], {"lima": ["L AY M AH"]}, {"lima": "L IY M AH"})
    assert added == "lima L IY M AH\nlima(2) L AY M AH\n"


def test_unknown_words_are_refused_by_name_with_a_remedy() -> None:
    with pytest.raises(UnknownWordsError, match=r"floxy, zorbl; .*pronunciations") as raised:
        pronounce(["yes", "zorbl", "floxy"], {"yes": ["Y EH S"]}, {})
    assert raised.value.words == ("floxy", "zorbl")


def test_the_recognisers_own_dictionary_is_read_with_its_alternatives() -> None:
    base = base_dictionary()
    assert base["hello"] == ["HH AH L OW", "HH EH L OW"]
    assert "hello(2)" not in base


def test_pronunciations_of_the_script_make_an_unknown_word_known() -> None:
    script = Script(greeting="Hi.", intents=[Intent(name="a", phrases=["zorbl"], say="Yes.")])
    with pytest.raises(UnknownWordsError, match="zorbl"):
        compile_script(script)
    taught = script.model_copy(update={"pronunciations": {"zorbl": "Z AO R B AH L"}})
    assert b"zorbl Z AO R B AH L" in compile_script(taught).dictionary
