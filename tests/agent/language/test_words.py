from switchboard_agent.language.words import contains, phrases, without, without_begun, words_of


def test_phrases_are_found_whole_and_the_longest_first() -> None:
    wanted = phrases(["hold", "hold on", "uh-huh"])
    assert without(words_of("please hold on now"), wanted) == ("please", "now")
    assert without(words_of("Uh-huh, hold it"), wanted) == ("it",)
    assert not contains(words_of("on hol d"), wanted)


def test_words_come_without_case_and_marks() -> None:
    assert words_of("It\u2019s 12, OK?") == ("it's", "1", "2", "ok")


def test_the_begin_of_a_phrase_at_the_end_is_left_open() -> None:
    expected = phrases(["i see", "all right"])
    assert without_begun(("okay", "i"), expected) == ("okay",)
    assert without_begun(("i", "see"), expected) == ("i", "see")
    assert without_begun(("i", "want"), expected) == ("i", "want")
