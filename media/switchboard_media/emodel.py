"""Speech quality as a number: the E-model of ITU-T G.107, its simplified form, and MOS.

A telephone connection loses quality by noise and loudness (Ro, Is), by delay and echo (Id) and
by codec and packet loss (Ie,eff); the losses add up on the rating scale R, and R maps to the
mean opinion score a listener would give. With all defaults R is 93.2 and MOS 4.41: the best a
narrowband call can be. Dashboards use `rating` (the full model); `simplified_rating` after
Cole and Rosenbluth is the second opinion in tests, good to about 300 ms.

Delay is one way from mouth to ear. The time an agent thinks is not delay in this model.
"""

import math
from dataclasses import dataclass
from typing import Final

PERFECT_MOS: Final = 4.5
DEFAULT_RATING: Final = 93.2
"""Rounded R of the full model with all defaults; the simplified form starts from it."""


@dataclass(frozen=True, slots=True)
class Impairment:
    """How a codec sounds and bears loss (G.113 appendix I)."""

    ie: float
    """Equipment impairment without loss."""
    bpl: float
    """Robustness against loss; larger is better."""


G711: Final = Impairment(0.0, 4.3)
"""Gaps are filled with silence."""
G711_CONCEALED: Final = Impairment(0.0, 25.1)
"""Gaps are concealed by the receiver (G.711 appendix I)."""
G729A: Final = Impairment(11.0, 19.0)
G7231: Final = Impairment(15.0, 16.1)
GSM_EFR: Final = Impairment(5.0, 10.0)


@dataclass(frozen=True, slots=True)
class Network:
    """What a measured leg did to the speech."""

    one_way_ms: float = 0.0
    loss_fraction: float = 0.0
    """0-1."""
    burst_ratio: float = 1.0
    """1 = random loss, larger = in runs (`rtp_stats.StreamStats.burst_ratio`)."""
    codec: Impairment = G711

    def __post_init__(self) -> None:
        if self.one_way_ms < 0.0:
            raise ValueError("one_way_ms must not be negative")
        if not 0.0 <= self.loss_fraction <= 1.0:
            raise ValueError("loss_fraction must lie between 0 and 1; divide percent by 100")
        if self.burst_ratio <= 0.0:
            raise ValueError("burst_ratio must be positive; 1 means random loss")


@dataclass(frozen=True, slots=True)
class Planning:
    """Input parameters of G.107 table 2 with their defaults: telephones, rooms and lines."""

    slr_db: float = 8.0
    """Send loudness rating."""
    rlr_db: float = 2.0
    """Receive loudness rating."""
    stmr_db: float = 15.0
    """Sidetone masking rating."""
    d_sender: float = 3.0
    """Handset form factor, send side."""
    d_receiver: float = 3.0
    telr_db: float = 65.0
    """Talker echo loudness rating."""
    wepl_db: float = 110.0
    """Weighted echo path loss."""
    qdu: float = 1.0
    """Quantizing distortion units."""
    nc_dbm0p: float = -70.0
    """Circuit noise at the 0 dBr point."""
    n_for_dbmp: float = -64.0
    """Noise floor at the receive side."""
    ps_dba: float = 35.0
    """Room noise, send side."""
    pr_dba: float = 35.0
    advantage: float = 0.0
    """A: what users forgive for convenience."""


DEFAULTS: Final = Planning()


def mos(rating: float) -> float:
    """Mean opinion score of a rating: 1 to 4.5 (G.107 annex B)."""
    if rating <= 0.0:
        return 1.0
    if rating >= 100.0:  # noqa: PLR2004 - the end of the scale
        return PERFECT_MOS
    # The cubic dips below 1 for ratings under 6.5.
    return max(1.0, 1.0 + 0.035 * rating + rating * (rating - 60.0) * (100.0 - rating) * 7e-6)


def rating(network: Network, planning: Planning = DEFAULTS) -> float:
    """R of the full model, 0 to 100."""
    value = (
        signal_to_noise(planning)
        - simultaneous_impairment(planning, network.one_way_ms)
        - delay_impairment(network.one_way_ms, planning)
        - effective_equipment_impairment(network)
        + planning.advantage
    )
    return min(100.0, max(0.0, value))


def simplified_rating(network: Network) -> float:
    """R = 93.2 - Id - Ie,eff with the delay term of Cole and Rosenbluth (2001)."""
    value = DEFAULT_RATING - _simple_delay(network.one_way_ms)
    return min(100.0, max(0.0, value - effective_equipment_impairment(network)))


def cole_rosenbluth_rating(one_way_ms: float, loss_fraction: float) -> float:
    """R with their fit of G.711 under random loss: the form that many tools print."""
    value = 94.2 - _simple_delay(one_way_ms) - 30.0 * math.log(1.0 + 15.0 * loss_fraction)
    return min(100.0, max(0.0, value))


def _simple_delay(one_way_ms: float) -> float:
    return 0.024 * one_way_ms + 0.11 * max(0.0, one_way_ms - 177.3)


def effective_equipment_impairment(network: Network) -> float:
    """Ie,eff: codec and loss (G.107 7.5)."""
    percent = 100.0 * network.loss_fraction
    ie = network.codec.ie
    if percent <= 0.0:
        return ie
    return ie + (95.0 - ie) * percent / (percent / network.burst_ratio + network.codec.bpl)


def signal_to_noise(p: Planning = DEFAULTS) -> float:
    """Ro: loudness over all noise (G.107 7.2)."""
    return 15.0 - 1.5 * (p.slr_db + _noise_dbm0p(p))


def _noise_dbm0p(p: Planning) -> float:
    """No: power sum of circuit, both rooms and noise floor."""
    olr = p.slr_db + p.rlr_db
    send_excess = p.ps_dba - olr - p.d_sender - 14.0
    send_room = p.ps_dba - p.slr_db - p.d_sender - 100.0 + 0.004 * send_excess**2
    listener_sidetone = p.stmr_db + p.d_receiver
    pre = p.pr_dba + _level(1.0 + _power(10.0 - listener_sidetone))
    receive_room = p.rlr_db - 121.0 + pre + 0.008 * (pre - 35.0) ** 2
    floor = p.n_for_dbmp + p.rlr_db
    return _level(sum(map(_power, (p.nc_dbm0p, send_room, receive_room, floor))))


def simultaneous_impairment(p: Planning = DEFAULTS, one_way_ms: float = 0.0) -> float:
    """Is: too loud, bad sidetone, quantizing (G.107 7.3)."""
    return _too_loud(p) + _bad_sidetone(p, one_way_ms) + _quantizing(p)


def _too_loud(p: Planning) -> float:
    """Iolr."""
    xolr = p.slr_db + p.rlr_db + 0.2 * (64.0 + _noise_dbm0p(p) - p.rlr_db)
    return 20.0 * (_knee(xolr / 8.0, 8) - xolr / 8.0)


def _bad_sidetone(p: Planning, t_ms: float) -> float:
    """Ist; early echo counts as sidetone."""
    stmro = -_level(_power(-p.stmr_db) + math.exp(-t_ms / 4.0) * _power(-p.telr_db))
    return (
        12.0 * _knee((stmro - 13.0) / 6.0, 8)
        - 28.0 * _knee((stmro + 1.0) / 19.4, 35)
        - 13.0 * _knee((stmro - 3.0) / 33.0, 13)
        + 29.0
    )


def _quantizing(p: Planning) -> float:
    """Iq."""
    q = 37.0 - 15.0 * math.log10(p.qdu)
    g = 1.07 + 0.258 * q + 0.0602 * q**2
    y = (signal_to_noise(p) - 100.0) / 15.0 + 46.0 / 8.4 - g / 9.0
    z = 46.0 / 30.0 - g / 40.0
    return 15.0 * math.log10(1.0 + math.pow(10.0, y) + math.pow(10.0, z))


def delay_impairment(one_way_ms: float, p: Planning = DEFAULTS) -> float:
    """Id: talker echo, listener echo and delay as such (G.107 7.4), for T = Ta = Tr/2."""
    return (
        _talker_echo(one_way_ms, p) + _listener_echo(2.0 * one_way_ms, p) + _pure_delay(one_way_ms)
    )


def _talker_echo(t_ms: float, p: Planning) -> float:
    """Idte."""
    terv = (
        p.telr_db
        - 40.0 * math.log10((1.0 + t_ms / 10.0) / (1.0 + t_ms / 150.0))
        + 6.0 * math.exp(-0.3 * t_ms**2)
    )
    ist = _bad_sidetone(p, t_ms)
    if p.stmr_db < 9.0:  # noqa: PLR2004 - the border in G.107
        terv += ist / 2.0
    re = 80.0 + 2.5 * (terv - 14.0)
    roe = -1.5 * (_noise_dbm0p(p) - p.rlr_db)
    half = (roe - re) / 2.0
    idte = (half + math.hypot(half, 10.0) - 1.0) * (1.0 - math.exp(-t_ms))
    if p.stmr_db > 20.0:  # noqa: PLR2004 - the border in G.107
        return math.hypot(idte, ist)
    return idte


def _listener_echo(round_trip_ms: float, p: Planning) -> float:
    """Idle."""
    rle = 10.5 * (p.wepl_db + 7.0) * math.pow(round_trip_ms + 1.0, -0.25)
    half = (signal_to_noise(p) - rle) / 2.0
    return half + math.hypot(half, 13.0)


def _pure_delay(one_way_ms: float) -> float:
    """Idd: nothing up to 100 ms (sT = 1, mT = 100)."""
    if one_way_ms <= 100.0:  # noqa: PLR2004 - mT in G.107
        return 0.0
    x = math.log2(one_way_ms / 100.0)
    return 25.0 * (_knee(x, 6) - 3.0 * _knee(x / 3.0, 6) + 2.0)


def _knee(x: float, sharpness: int) -> float:
    """1 where x is small, x where it is large: the curve that G.107 bends everything with."""
    return math.pow(1.0 + math.pow(x, sharpness), 1.0 / sharpness)


def _power(level_db: float) -> float:
    return math.pow(10.0, level_db / 10.0)


def _level(power: float) -> float:
    return 10.0 * math.log10(power)
