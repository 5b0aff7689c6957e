"""The page of an event on a running exchange: what the ticket says is what the kernel then does, to the unit."""

import re
from decimal import ROUND_UP, Decimal

import pytest

from tests.trading.client import Trader, client_id
from tests.trading.test_contract_pages import Browser, words
from tests.trading.test_contracts import placed, position

YES = {"tdMode": "isolated", "outcome": "yes"}
EXACT = re.compile(r'title="([\d,.]+)"')


@pytest.fixture
def event(pit: dict) -> str:
    """Address of the event."""
    return f"/v/pit/event/{pit['event']}/"


def cash(trader: Trader) -> Decimal:
    """What the account has, in USD."""
    return Decimal(trader.get("/account/balance")["data"][0]["details"][0]["cashBal"])


def free(trader: Trader) -> Decimal:
    """What it may use."""
    return Decimal(trader.get("/account/balance")["data"][0]["details"][0]["availEq"])


def book(maker: Trader, outcome: str, bid: str, ask: str, size: str = "50") -> None:
    """A price on each side."""
    placed(maker, outcome, "sell", size, ask, **YES)
    placed(maker, outcome, "buy", size, bid, **YES)


def exactly(html: str) -> Decimal:
    """The amount of the sentence, to the unit."""
    found = EXACT.search(html)
    assert found is not None, words(html)
    return Decimal(found[1].replace(",", ""))


@pytest.mark.parametrize(("side", "sentence"), [("yes", "wins"), ("no", "does not win")])
def test_what_the_ticket_says_is_what_is_paid(
    pair: tuple[Trader, Trader], pit: dict, event: str, side: str, sentence: str
) -> None:
    maker, taker = pair
    outcome = pit["outcomes"][0]
    book(maker, outcome, "0.37", "0.41", "13")
    book(maker, outcome, "0.36", "0.43", "40")
    browser = Browser(taker, event)
    ticket = {"market": outcome, "side": side, "direction": "buy", "unit": "money", "amount": "10"}
    ticket["client_id"] = client_id()
    quoted = browser.get(f"{event}quote/", **ticket).text
    assert f"if Argentina {sentence}, nothing otherwise" in words(quoted)
    pay, lots = exactly(quoted), int(re.search(r"You get <strong[^>]*>(\d+)\.00", quoted)[1])  # type: ignore[index]
    before, was_free = cash(taker), free(taker)
    status, told = browser.post(f"{event}bet/", **ticket)
    assert (status, told) == (200, f"Bought {lots} {side.title()} on Argentina for {_cents(pay)} USD.")
    # A quote that was under way as the bet was placed is of another bet: it does not say that this one was placed.
    assert "was used already" not in browser.get(f"{event}quote/", **ticket).text
    held = position(taker, outcome)
    assert held is not None
    assert held["pos"] == (str(lots) if side == "yes" else str(-lots))
    # Someone who buys No receives the price of Yes, and owes a unit a contract if it wins.
    spent = before - cash(taker) + (lots if side == "no" else 0)
    assert spent == pay
    assert was_free - free(taker) == pay
    assert pay <= 10
    own = words(browser.get(f"{event}own/").text)
    assert f"{lots} {side.title()} Argentina" in own
    assert "At worst 0.00 USD if" in own

    sale = {"market": outcome, "side": side, "direction": "sell", "amount": str(lots)}
    quoted = browser.get(f"{event}quote/", **sale).text
    assert "now and give up" in words(quoted)
    get, before = exactly(quoted), cash(taker)
    status, told = browser.post(f"{event}bet/", **sale)
    assert (status, told.split(" for ")[0]) == (200, f"Sold {lots} {side.title()} on Argentina")
    # Someone who gives up No buys Yes back, and no longer owes the unit.
    assert cash(taker) - before + (lots if side == "no" else 0) == get
    assert position(taker, outcome) is None
    assert free(taker) < was_free
    browser.http.close()


def _cents(amount: Decimal) -> str:
    """Rounded up to hundredths, as money that is paid."""
    return f"{amount.quantize(Decimal('0.01'), ROUND_UP):.2f}"


def test_no_on_several_outcomes_frees_what_is_certain(
    pair: tuple[Trader, Trader], pit: dict, event: str
) -> None:
    maker, taker = pair
    first, second, third = pit["outcomes"]
    for outcome in (first, second, third):
        book(maker, outcome, "0.30", "0.34")
    browser = Browser(taker, event)
    start = free(taker)
    ticket = {"side": "no", "direction": "buy", "unit": "contracts", "amount": "10"}
    alone = exactly(browser.get(f"{event}quote/", market=first, **ticket).text)
    assert browser.post(f"{event}bet/", market=first, **ticket)[0] == 200
    assert start - free(taker) == alone
    hedged = browser.get(f"{event}quote/", market=second, **ticket).text
    # One of two No is right for certain: 10 come back whatever happens, more than the second costs.
    assert exactly(hedged) == alone
    assert "10.00 comes back for certain" in words(hedged)
    assert browser.post(f"{event}bet/", market=second, **ticket)[0] == 200
    assert start - free(taker) == 2 * alone - 10
    own = words(browser.get(f"{event}own/").text)
    assert "Whatever happens you get 10.00 USD , because not all of these bets can lose" in own
    assert "At best 20.00 USD if Any other" in own
    assert "At worst 10.00 USD if Argentina or France" in own
    assert browser.post(f"{event}bet/", market=third, **ticket)[0] == 200
    assert "Whatever happens you get 20.00 USD" in words(browser.get(f"{event}own/").text)
    browser.http.close()


def test_complete_sets_become_cash(pair: tuple[Trader, Trader], pit: dict, event: str) -> None:
    maker, taker = pair
    browser = Browser(taker, event)
    for outcome in pit["outcomes"]:
        book(maker, outcome, "0.30", "0.34")
        ticket = {"market": outcome, "side": "yes", "unit": "contracts", "amount": "4"}
        assert browser.post(f"{event}bet/", **ticket)[0] == 200
    assert "Turn 4 complete sets into cash" in words(browser.get(f"{event}own/").text)
    before = cash(taker)
    assert browser.post(f"{event}merge/") == (204, "4 complete sets became 4 USD.")
    assert cash(taker) - before == 4
    assert browser.post(f"{event}merge/") == (422, "You hold no complete set.")
    assert cash(taker) - before == 4
    browser.http.close()


def test_a_limit_waits_and_is_taken_back(pair: tuple[Trader, Trader], pit: dict, event: str) -> None:
    _, taker = pair
    outcome = pit["outcomes"][1]
    browser = Browser(taker, event)
    ticket = {
        "market": outcome,
        "side": "no",
        "kind": "limit",
        "price": "12",
        "unit": "contracts",
        "amount": "25",
    }
    quoted = words(browser.get(f"{event}quote/", **ticket).text)
    assert "at most. You get 25.00 USD if France does not win" in quoted
    assert "(0 now, 25 wait at 12¢)" in quoted
    before = free(taker)
    status, told = browser.post(f"{event}bet/", **ticket)
    assert (status, told) == (200, "Placed: 25 No on France wait in the book at 12¢.")
    assert free(taker) < before
    own = browser.get(f"{event}own/").text
    assert "Buy 25 No France 12¢" in words(own)
    order = re.search(r'id="order-(\d+)"', own)
    assert order is not None
    status, told = browser.post(f"{event}cancel/{order[1]}/", market=outcome)
    assert (status, told) == (204, "Order cancelled; what it held is free again.")
    assert free(taker) == before
    assert browser.post(f"{event}cancel/{order[1]}/", market=outcome)[0] == 422
    assert browser.post(f"{event}cancel/{order[1]}/", market="NONE")[1] == "You have no such order here."
    browser.http.close()


def test_a_bet_is_never_dearer_than_it_was_shown(pair: tuple[Trader, Trader], pit: dict, event: str) -> None:
    maker, taker = pair
    outcome = pit["outcomes"][0]
    book(maker, outcome, "0.20", "0.41")
    browser = Browser(taker, event)
    ticket = {"market": outcome, "side": "yes", "unit": "contracts", "amount": "5"}
    before = cash(taker)
    status, told = browser.post(f"{event}bet/", **ticket, worst="40")
    assert (status, told) == (422, "The price moved before you confirmed. Look at the new one and try again.")
    assert (cash(taker), position(taker, outcome)) == (before, None)
    assert browser.post(f"{event}bet/", **ticket, worst="41")[0] == 200
    browser.http.close()


BAD = [
    ({"amount": ""}, "Enter how much USD to spend, for example 20."),
    ({"amount": "NaN"}, "Enter how much USD to spend, for example 20."),
    ({"amount": "-5"}, "Enter how much USD to spend, for example 20."),
    ({"amount": "1e9"}, "Enter how much USD to spend, for example 20."),
    ({"amount": "9" * 39}, "Enter an amount of USD that exists."),
    ({"amount": "9" * 41}, "Choose an outcome, a side and how much."),
    ({"amount": "0.0000001"}, "Enter an amount of USD that exists."),
    ({"amount": "0.01"}, "That does not buy one contract, fee included; enter more."),
    ({"unit": "contracts", "amount": "1.5"}, "Enter how many contracts, as a whole number, for example 20."),
    ({"unit": "contracts", "amount": "٣"}, "Enter how many contracts, as a whole number, for example 20."),
    (
        {"unit": "contracts", "amount": "9999999999"},
        "Enter how many contracts, as a whole number, for example 20.",
    ),
    (
        {"unit": "contracts", "amount": "900000000", "kind": "limit", "price": "40"},
        "carries no more open bets",
    ),
    ({"kind": "limit", "price": ""}, "Enter a price between 1¢ and 99¢."),
    ({"kind": "limit", "price": "100"}, "Enter a price between 1¢ and 99¢."),
    ({"kind": "limit", "price": "40.5"}, "The price goes in steps of 1¢."),
    ({"side": "maybe"}, "Choose an outcome, a side and how much."),
    ({"market": "NONE"}, "Choose one of the outcomes."),
    ({"direction": "sell"}, "You hold 0 Yes on Argentina; sell at most that many."),
    ({"worst": "x"}, "Choose an outcome, a side and how much."),
]


def test_every_bad_input_gets_a_sentence_and_moves_nothing(
    pair: tuple[Trader, Trader], pit: dict, event: str
) -> None:
    maker, taker = pair
    book(maker, pit["outcomes"][0], "0.20", "0.41")
    browser = Browser(taker, event)
    good = {"market": pit["outcomes"][0], "side": "yes", "direction": "buy", "unit": "money", "amount": "5"}
    before = (cash(taker), free(taker))
    for wrong, sentence in BAD:
        status, told = browser.post(f"{event}bet/", **{**good, **wrong})
        assert status == 422, wrong
        assert sentence in told, wrong
    assert (cash(taker), free(taker)) == before
    quoted = browser.get(f"{event}quote/", **{**good, "kind": "limit", "price": "40.5"}).text
    assert 'id="bet-price-error" role="alert" hx-swap-oob="true">The price goes in steps of 1¢.<' in quoted
    assert 'id="bet-amount-error" role="alert" hx-swap-oob="true"><' in quoted
    browser.http.close()


def test_the_book_of_no_is_that_of_yes_in_a_mirror(
    pair: tuple[Trader, Trader], pit: dict, event: str
) -> None:
    maker, taker = pair
    outcome = pit["outcomes"][2]
    book(maker, outcome, "0.42", "0.45", "7")
    browser = Browser(taker, event)
    yes = words(browser.get(f"{event}trade/", outcome=outcome, side="yes").text)
    assert "45¢ 7 Spread 3¢ 42¢ 7" in yes
    no = words(browser.get(f"{event}trade/", outcome=outcome, side="no").text)
    assert "58¢ 7 Spread 3¢ 55¢ 7" in no
    browser.http.close()


def test_anyone_may_read_and_nobody_may_bet(pair: tuple[Trader, Trader], event: str) -> None:
    visitor = Browser(pair[1], event)
    visitor.cookies = ""
    text = words(visitor.get(event).text)
    for part in (
        "Who wins the cup?",
        "Argentina",
        "Sign up to bet",
        "Rules and result",
        "Source of the result",
    ):
        assert part in text
    assert visitor.http.post(f"{event}bet/").status_code in (302, 403)
    assert visitor.http.get("/v/pit/event/NOTHING/").status_code == 404
    assert "Who wins the cup?" in words(visitor.get("/v/pit/events/").text)
    assert "Who wins the cup?" in words(visitor.get("/events/", q="argentina").text)
    assert "No event matches" in words(visitor.get("/events/", q="xyzzy").text)
    for query in (
        "show=over",
        "show=soon",
        "show=waiting",
        "show=%00",
        "page=99999",
        "page=-1",
        "q=" + "x" * 500,
    ):
        assert visitor.http.get(f"/v/pit/events/?{query}").status_code == 200, query
    assert visitor.http.get(f"{event}chart/?range=forever").status_code == 200
    assert visitor.http.get(f"{event}trade/?outcome=%00&side=x").status_code == 200
    visitor.http.close()
