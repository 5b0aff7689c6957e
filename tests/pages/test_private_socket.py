"""Who may listen on the private socket of the terminal."""

import json

import httpx
import pytest
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import connect

from exchange_os.demo.stack import PrivateStack

UNAUTHENTICATED = 4401


def address(stack: PrivateStack, stage: dict[str, str]) -> str:
    return f"{stack.base_url.replace('http', 'ws', 1)}/ws/v/{stage['venue']}/account/"


@pytest.mark.parametrize("origin", ["https://evil.example", None])
def test_a_foreign_page_cannot_ride_on_the_cookie(
    stack: PrivateStack, stage: dict[str, str], origin: str | None
) -> None:
    with pytest.raises(InvalidStatus) as refused, connect(address(stack, stage), origin=origin):
        pass
    assert refused.value.response.status_code == 403


def test_a_visitor_is_turned_away(stack: PrivateStack, stage: dict[str, str]) -> None:
    with (
        connect(address(stack, stage), origin=stack.base_url) as socket,
        pytest.raises(ConnectionClosed) as closed,
    ):
        socket.recv(timeout=30)
    assert closed.value.rcvd is not None
    assert closed.value.rcvd.code == UNAUTHENTICATED


@pytest.mark.parametrize("path", ["/ws/nothing/", "/v/globe/ws/v5/nothing", "/nothing"])
def test_an_address_that_is_nobodys_is_refused(stack: PrivateStack, stage: dict[str, str], path: str) -> None:
    url = stack.base_url.replace("http", "ws", 1) + path
    with pytest.raises(InvalidStatus) as refused, connect(url, origin=stack.base_url):
        pass
    assert refused.value.response.status_code == 403


def test_the_sockets_of_a_session_end_with_it(stack: PrivateStack, stage: dict[str, str]) -> None:
    with httpx.Client(base_url=stack.base_url, headers={"origin": stack.base_url}, timeout=30) as browser:

        def send(path: str, **typed: str) -> httpx.Response:
            token = {"csrfmiddlewaretoken": browser.cookies["csrftoken"]}
            return browser.post(path, data={**token, **typed})

        browser.get("/accounts/signup/")
        send("/accounts/signup/", email="leaver@test.example", password1="a long enough password")
        assert "Shown once" in send("/account/keys/", venue=stage["venue"]).text
        cookie = {"Cookie": f"sessionid={browser.cookies['sessionid']}"}
        options = {"origin": stack.base_url, "additional_headers": cookie}
        api = f"{stack.base_url.replace('http', 'ws', 1)}/v/{stage['venue']}/ws/v5/private"
        bell_address = f"{stack.base_url.replace('http', 'ws', 1)}/ws/notifications/"
        with (
            connect(address(stack, stage), **options) as page,
            connect(api, **options) as feed,
            connect(bell_address, **options) as bell,
        ):
            assert '"changed":true' in page.recv(timeout=30)
            assert json.loads(bell.recv(timeout=30)) == {"unread": 0, "mark": "0", "notes": []}
            send("/wallet/faucet/", asset="USD")
            send(f"/v/{stage['venue']}/trade/{stage['symbol']}/fund/", asset="USD", amount="5")
            pushed = json.loads(bell.recv(timeout=30))
            assert pushed["unread"] == 1
            note = pushed["notes"][0]
            text = "Your transfer of 5 USD to Globe Theatre is done."
            assert (note["text"], note["link"], note["kind"]) == (text, "/wallet/", "transfer")
            with connect(f"{bell_address}?after=0", **options) as another:
                assert json.loads(another.recv(timeout=30)) == pushed
            assert send("/accounts/logout/").status_code == 302
            for socket in (page, feed, bell):
                with pytest.raises(ConnectionClosed) as closed:
                    while True:  # what was told before
                        socket.recv(timeout=10)
                assert closed.value.rcvd is not None
                assert closed.value.rcvd.code == UNAUTHENTICATED
