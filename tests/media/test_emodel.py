import pytest
from hypothesis import given
from hypothesis import strategies as st

from switchboard_media import emodel
from switchboard_media.emodel import G711, G711_CONCEALED, Network

TABLE = {
    0: (93.21, 89.57, 86.20, 77.43, 75.28),
    50: (91.76, 88.12, 84.75, 75.98, 73.83),
    100: (90.66, 87.02, 83.65, 74.88, 72.74),
    150: (89.54, 85.90, 82.53, 73.76, 71.61),
    200: (85.80, 82.16, 78.79, 70.02, 67.88),
    250: (79.18, 75.54, 72.17, 63.40, 61.25),
    300: (72.67, 69.03, 65.66, 56.89, 54.74),
    400: (62.25, 58.61, 55.24, 46.47, 44.32),
}
"""Full model, TELR 65: one-way ms to R without loss, with 1, 2, 5 % concealed, 1 % unconcealed."""
COLUMNS = (
    (0.0, G711),
    (0.01, G711_CONCEALED),
    (0.02, G711_CONCEALED),
    (0.05, G711_CONCEALED),
    (0.01, G711),
)
networks = st.builds(
    Network,
    one_way_ms=st.floats(0, 5000),
    loss_fraction=st.floats(0, 1),
    burst_ratio=st.floats(1, 20),
    codec=st.sampled_from([G711, G711_CONCEALED, emodel.G729A, emodel.GSM_EFR]),
)


def test_the_defaults_of_g_107_give_its_reference_values() -> None:
    assert emodel.signal_to_noise() == pytest.approx(94.769, abs=0.001)
    assert emodel.simultaneous_impairment() == pytest.approx(1.414, abs=0.001)
    assert emodel.delay_impairment(0.0) == pytest.approx(0.149, abs=0.001)
    assert emodel.rating(Network()) == pytest.approx(93.206, abs=0.001)
    assert emodel.mos(93.2) == pytest.approx(4.41, abs=0.01)


@pytest.mark.parametrize("one_way_ms", TABLE)
def test_the_full_model_gives_the_reference_table(one_way_ms: int) -> None:
    rated = [
        emodel.rating(Network(one_way_ms, loss_fraction=loss, codec=codec))
        for loss, codec in COLUMNS
    ]
    assert rated == pytest.approx(TABLE[one_way_ms], abs=0.01)


@pytest.mark.parametrize(
    ("rating", "mos"), [(90, 4.34), (80, 4.03), (70, 3.60), (60, 3.10), (50, 2.58), (100, 4.5)]
)
def test_mos_has_the_bands_of_annex_b(rating: float, mos: float) -> None:
    assert emodel.mos(rating) == pytest.approx(mos, abs=0.01)


@pytest.mark.parametrize(
    ("one_way_ms", "rating", "mos"),
    [(150, 89.60, 4.329), (250, 79.20, 3.994), (300, 72.50, 3.712), (400, 59.10, 3.053)],
)
def test_the_simplified_form_gives_its_reference_values(
    one_way_ms: float, rating: float, mos: float
) -> None:
    rated = emodel.simplified_rating(Network(one_way_ms))
    assert rated == pytest.approx(rating, abs=0.01)
    assert emodel.mos(rated) == pytest.approx(mos, abs=0.001)


@pytest.mark.parametrize(
    ("one_way_ms", "loss", "rating", "mos"),
    [
        (150, 0.01, 86.41, 4.24),
        (150, 0.02, 82.73, 4.12),
        (150, 0.05, 73.81, 3.77),
        (250, 0.01, 76.01, 3.87),
    ],
)
def test_cole_and_rosenbluths_own_form_gives_its_reference_values(
    one_way_ms: float, loss: float, rating: float, mos: float
) -> None:
    rated = emodel.cole_rosenbluth_rating(one_way_ms, loss)
    assert rated == pytest.approx(rating, abs=0.01)
    assert emodel.mos(rated) == pytest.approx(mos, abs=0.01)


def test_loss_figures_without_delay() -> None:
    lossy = Network(loss_fraction=0.10, codec=G711_CONCEALED)
    assert emodel.simplified_rating(lossy) == pytest.approx(66.13, abs=0.01)
    assert emodel.mos(emodel.simplified_rating(lossy)) == pytest.approx(3.41, abs=0.01)
    bursty = Network(loss_fraction=0.05, burst_ratio=2.0, codec=G711_CONCEALED)
    assert emodel.simplified_rating(bursty) == pytest.approx(75.99, abs=0.01)


@pytest.mark.parametrize("one_way_ms", range(0, 301, 10))
def test_both_forms_agree_up_to_300_ms(one_way_ms: int) -> None:
    full, simple = emodel.rating(Network(one_way_ms)), emodel.simplified_rating(Network(one_way_ms))
    assert simple == pytest.approx(full, abs=0.8)


@given(networks)
def test_ratings_and_scores_stay_on_their_scales(network: Network) -> None:
    for rated in (emodel.rating(network), emodel.simplified_rating(network)):
        assert 0.0 <= rated <= 100.0
        assert 1.0 <= emodel.mos(rated) <= 4.5


@given(networks, st.floats(0, 500), st.floats(0, 0.5))
def test_more_delay_or_loss_never_sounds_better(
    network: Network, more_ms: float, more_loss: float
) -> None:
    worse = Network(
        network.one_way_ms + more_ms,
        min(1.0, network.loss_fraction + more_loss),
        network.burst_ratio,
        network.codec,
    )
    # In its first two milliseconds G.107's echo still helps as sidetone, by 0.06.
    assert emodel.rating(worse) <= emodel.rating(network) + 0.06
    assert emodel.simplified_rating(worse) <= emodel.simplified_rating(network) + 1e-6


@given(st.floats(-50, 150), st.floats(0, 50))
def test_a_better_rating_never_scores_worse(rating: float, more: float) -> None:
    assert emodel.mos(rating + more) >= emodel.mos(rating) - 1e-9


@pytest.mark.parametrize(
    "wrong",
    [{"one_way_ms": -1.0}, {"loss_fraction": 1.5}, {"burst_ratio": 0.0}],
)
def test_figures_that_no_network_has_are_refused(wrong: dict[str, float]) -> None:
    with pytest.raises(ValueError, match="must"):
        Network(**wrong)  # type: ignore[arg-type]
