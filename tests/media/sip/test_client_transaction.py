from switchboard_media.sip.client_transaction import ClientState, OtherClient
from switchboard_media.sip.responses import response_to
from switchboard_media.sip.transaction import Failure, Timers
from tests.media.sip.messages import as_request, request_bytes

BYE = as_request(request_bytes("BYE"))
PEER = ("10.0.0.2", 5062)


def client() -> OtherClient:
    return OtherClient(BYE, PEER, Timers(), 0.0)


def resends(bye: OtherClient) -> list[float]:
    """Follow the deadlines to the end: when it was sent again."""
    times = []
    while bye.state is not ClientState.TERMINATED:
        now_s = bye.deadline_s
        data, _ = bye.on_timer(now_s)
        if data is not None:
            assert data == bytes(BYE)
            times.append(now_s)
    return times


def test_an_unanswered_request_is_repeated_as_timer_e_says_and_given_up_at_f() -> None:
    bye = client()
    assert resends(bye) == [0.5, 1.5, 3.5, 7.5, 11.5, 15.5, 19.5, 23.5, 27.5, 31.5]
    assert client().on_timer(32.0) == (None, Failure.NO_RESPONSE)


def test_a_provisional_response_slows_the_repeating_to_t2() -> None:
    bye = client()
    assert bye.on_response(response_to(BYE, 100), 0.2)
    assert not bye.on_response(response_to(BYE, 100), 0.3)
    assert resends(bye) == [0.5, 4.5, 8.5, 12.5, 16.5, 20.5, 24.5, 28.5]


def test_a_final_response_ends_it_once_and_copies_are_swallowed_for_t4() -> None:
    bye = client()
    assert bye.on_response(response_to(BYE, 200), 0.4)
    assert not bye.on_response(response_to(BYE, 200), 0.5)
    assert bye.deadline_s == 5.4
    assert bye.on_timer(1.0) == (None, None)
    assert bye.on_timer(5.4) == (None, None)
    assert bye.state is ClientState.TERMINATED
