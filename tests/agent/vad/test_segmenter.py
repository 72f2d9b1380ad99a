from hypothesis import given
from hypothesis import strategies as st

from switchboard_agent.vad.base import WINDOW_SAMPLES
from switchboard_agent.vad.segmenter import Edge, EdgeKind, Segmenter


def edges_of(probabilities: list[float]) -> list[Edge]:
    segmenter = Segmenter()
    return [edge for p in probabilities if (edge := segmenter.feed(p)) is not None]


def test_speech_begins_where_its_first_window_begins() -> None:
    assert edges_of([0.0, 0.0, 0.9, 0.9]) == [Edge(EdgeKind.STARTED, 2 * WINDOW_SAMPLES)]


def test_a_click_of_one_window_is_not_speech() -> None:
    assert edges_of([0.0, 0.9, 0.1, 0.9, 0.1, 0.9]) == []


def test_speech_ends_with_its_last_voiced_window_once_silence_has_lasted() -> None:
    silence = [0.1] * 6
    assert edges_of([0.9, 0.9, 0.9, *silence]) == [
        Edge(EdgeKind.STARTED, 0),
        Edge(EdgeKind.ENDED, 3 * WINDOW_SAMPLES),
    ]
    assert len(edges_of([0.9, 0.9, 0.9, *silence[:-1]])) == 1


def test_soft_syllables_between_the_thresholds_keep_speech_going() -> None:
    assert len(edges_of([0.9, 0.9, *[0.4] * 50])) == 1


def test_probabilities_between_the_thresholds_do_not_begin_speech() -> None:
    assert edges_of([0.45] * 50) == []


def test_speech_ends_when_the_audio_does() -> None:
    segmenter = Segmenter()
    for probability in (0.9, 0.9, 0.2):
        segmenter.feed(probability)
    assert segmenter.end_of_audio() == Edge(EdgeKind.ENDED, 2 * WINDOW_SAMPLES)
    assert segmenter.end_of_audio() is None
    assert not segmenter.speaking


def agreed(before: list[float], after: list[float]) -> list[Edge | None]:
    """Edges from the moment when a recogniser hears the end."""
    segmenter = Segmenter()
    for probability in before:
        segmenter.feed(probability)
    return [segmenter.agree_on_end(), *map(segmenter.feed, after)]


def test_with_a_recogniser_as_witness_one_silent_window_ends_speech() -> None:
    end = Edge(EdgeKind.ENDED, 3 * WINDOW_SAMPLES)
    assert agreed([0.9, 0.9, 0.9, 0.1], []) == [end]
    assert agreed([0.9, 0.9, 0.9], [0.1]) == [None, end]


def test_a_detector_that_notices_late_is_waited_for_a_little() -> None:
    assert agreed([0.9, 0.9], [0.9, 0.9, 0.1])[-1] == Edge(EdgeKind.ENDED, 4 * WINDOW_SAMPLES)


def test_a_recogniser_that_the_voice_proves_wrong_is_no_witness_any_more() -> None:
    assert agreed([0.9, 0.9], [0.9, 0.9, 0.9, 0.9, *[0.1] * 5]) == [None] * 10


def test_a_recogniser_alone_makes_no_edge() -> None:
    assert agreed([0.1, 0.1], [0.1, 0.9, 0.9, 0.1]) == [
        None,
        None,
        None,
        Edge(EdgeKind.STARTED, 3 * WINDOW_SAMPLES),
        None,
    ]


@given(st.lists(st.floats(0, 1), max_size=300))
def test_edges_alternate_and_never_run_ahead_of_the_audio(probabilities: list[float]) -> None:
    segmenter = Segmenter()
    last, kind = -1, EdgeKind.ENDED
    for count, probability in enumerate(probabilities, 1):
        edge = segmenter.feed(probability)
        if edge is not None:
            assert edge.kind is not kind
            assert last <= edge.sample <= count * WINDOW_SAMPLES
            last, kind = edge.sample, edge.kind
        assert segmenter.speaking == (kind is EdgeKind.STARTED)
