"""Other clients that traders have, unmodified: an old ccxt, and python-okx, in its own words."""

import json
import os
import subprocess
import sys
from pathlib import Path

from okx.Account import AccountAPI
from okx.MarketData import MarketAPI
from okx.Trade import TradeAPI

from exchange_os.demo.stack import PROJECT
from tests.trading.client import Trader, client_id
from tests.trading.test_ccxt import options

OLD = Path(sys.prefix) / "old-client"


def test_an_old_ccxt_trades_and_watches_here(maker: Trader) -> None:
    script = PROJECT / "tests" / "clients" / "old_ccxt.py"
    environment = {**os.environ, "PYTHONPATH": str(OLD)}
    run = subprocess.run(
        [sys.executable, str(script)],
        input=json.dumps(options(maker)), env=environment, capture_output=True, text=True, timeout=60,
    )  # fmt: skip
    assert run.returncode == 0, run.stderr[-2000:]
    told = json.loads(run.stdout)
    assert told["versions"] == ["4.2.1", "3.10.11"]
    assert told["rest"]["seen"] == ["open", 41000.5, 0.01, "buy"]
    assert told["rest"]["best"][0] >= 41000.5
    assert (told["rest"]["after"], told["rest"]["open"]) == ("canceled", [])
    assert told["sockets"] == {"told": [True, "open", 41001.5, 0.02], "after": [True, "canceled"]}


def test_python_okx_trades_here(maker: Trader) -> None:
    address, person = maker.address.rest, maker.person
    keys = (person["key"], person["secret"], person["passphrase"])
    trade = TradeAPI(*keys, flag="0", domain=address, debug=False)
    account = AccountAPI(*keys, flag="0", domain=address, debug=False)
    assert MarketAPI(flag="0", domain=address).get_ticker("BTC-USD")["data"][0]["instId"] == "BTC-USD"
    free = account.get_account_balance("USD")["data"][0]["details"][0]["availBal"]
    name = client_id()
    placed = trade.place_order("BTC-USD", "cash", "buy", "limit", "0.01", px="41000", clOrdId=name)["data"][0]
    assert (placed["sCode"], placed["clOrdId"]) == ("0", name)
    (resting,) = trade.get_order_list(instType="SPOT")["data"]
    assert (resting["ordId"], resting["px"], resting["state"]) == (placed["ordId"], "41000", "live")
    amended = trade.amend_order("BTC-USD", ordId=placed["ordId"], newSz="0.02", reqId="r1")["data"][0]
    assert (amended["sCode"], amended["reqId"]) == ("0", "r1")
    assert trade.cancel_order("BTC-USD", ordId=placed["ordId"])["data"][0]["sCode"] == "0"
    assert trade.get_order("BTC-USD", ordId=placed["ordId"])["data"][0]["state"] == "canceled"
    assert account.get_account_balance("USD")["data"][0]["details"][0]["availBal"] == free
