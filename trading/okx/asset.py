"""Funding account (the wallet) of the caller: currencies, balances, and transfers between wallet and
venue."""

from typing import Any

from django.http import HttpRequest
from ninja import Router

from exchange_os.ledger.models import Asset, Transfer
from trading import limits
from trading.decimals import decimal_text, scaled_text
from trading.models import Permission
from trading.okx.caller import Caller
from trading.okx.envelope import envelope
from trading.okx.errors import DialectError, parameter_error
from trading.okx.gate import caller_in, signed
from trading.okx.requests import client_id_of, integer_text, json_object, positive_of, text_of
from trading.selectors.wallet import transfer_of, wallet_balances
from trading.services.transfers import FUNDING, TRADING, move_funds
from trading.threads import in_database_thread

router = Router()
Answer = dict[str, Any]
STATES = {"requested": "pending", "settled": "success", "refused": "failed"}


@router.get("/currencies", auth=signed(limits.READ), summary="Assets of the venue")
async def currencies(request: HttpRequest, ccy: str = "") -> Answer:
    wanted = {name for name in ccy.split(",") if name}
    assets = caller_in(request).catalogue.assets.values()
    return envelope([_currency_row(asset) for asset in assets if not wanted or asset.symbol in wanted])


def _currency_row(asset: Asset) -> Answer:
    smallest = scaled_text(1, asset.scale)
    return {
        "ccy": asset.symbol,
        "name": asset.name,
        "logoLink": "",
        "chain": f"{asset.symbol}-ExchangeOS",
        "ctAddr": "",
        "canDep": False,
        "canWd": False,
        "canInternal": True,
        "minDep": smallest,
        "minDepArrivalConfirm": "0",
        "minWd": smallest,
        "minInternal": smallest,
        "minWdUnlockConfirm": "0",
        "maxWd": "",
        "wdTickSz": str(asset.scale),
        "wdQuota": "",
        "usedWdQuota": "0",
        "fee": "0",
        "minFee": "0",
        "maxFee": "0",
        "minFeeForCtAddr": "0",
        "maxFeeForCtAddr": "0",
        "burningFeeRate": "",
        "mainNet": True,
        "needTag": False,
        "depQuotaFixed": "",
        "usedDepQuotaFixed": "",
        "depQuoteDailyLayer2": "",
        "depEstOpenTime": "",
        "wdEstOpenTime": "",
    }


@router.get("/balances", auth=signed(limits.READ), summary="What the wallet holds")
async def balances(request: HttpRequest, ccy: str = "") -> Answer:
    wanted = {name for name in ccy.split(",") if name}
    rows = await in_database_thread(wallet_balances, caller_in(request).user_id)
    return envelope(
        [
            {"ccy": asset.symbol, "bal": text, "availBal": text, "frozenBal": "0"}
            for asset, text in ((asset, scaled_text(units, asset.scale)) for asset, units in rows)
            if not wanted or asset.symbol in wanted
        ]
    )


@router.post("/transfer", auth=signed(limits.TRANSFER), summary="Move funds: 6 is the wallet, 18 the venue")
async def transfer(request: HttpRequest) -> Answer:
    caller = caller_in(request)
    item = json_object(request.body)
    origin, target = text_of(item, "from"), text_of(item, "to")
    if {origin, target} != {FUNDING, TRADING}:
        raise parameter_error("from/to", f"move between {FUNDING} (wallet) and {TRADING} (this venue)")
    if text_of(item, "type", "0") != "0":
        raise parameter_error("type", "transfers stay within the account (0)")
    caller.require(Permission.TRADE if origin == FUNDING else Permission.WITHDRAW)
    client_id = client_id_of({"clOrdId": item.get("clientId")})
    amount, symbol = positive_of(item, "amt"), text_of(item, "ccy")
    made = await in_database_thread(
        move_funds, caller.user_id, caller.catalogue.id, symbol, amount, deposit=origin == FUNDING
    )
    return envelope(
        [
            {
                "transId": str(made.pk),
                "ccy": symbol,
                "clientId": client_id,
                "from": origin,
                "amt": decimal_text(amount),
                "to": target,
            }
        ]
    )


@router.get("/transfer-state", auth=signed(limits.READ), summary="What became of a transfer")
async def transfer_state(request: HttpRequest, transId: str = "", type: str = "0") -> Answer:
    caller = caller_in(request)
    number = integer_text(transId, "transId")
    if number is None:
        raise DialectError("50014", "Parameter transId cannot be empty.")
    found = await in_database_thread(transfer_of, caller.user_id, caller.catalogue.group_id, number)
    if found is None:
        raise DialectError("58129", "There is no such transfer.")
    return envelope([_transfer_row(caller, found)])


def _transfer_row(caller: Caller, transfer: Transfer) -> Answer:
    deposit = transfer.direction == "deposit"
    return {
        "transId": str(transfer.pk),
        "clientId": "",
        "ccy": transfer.asset.symbol,
        "amt": scaled_text(transfer.amount, transfer.asset.scale),
        "type": "0",
        "from": FUNDING if deposit else TRADING,
        "to": TRADING if deposit else FUNDING,
        "subAcct": "",
        "instId": "",
        "toInstId": "",
        "state": STATES[transfer.state],
    }


async def nothing(request: HttpRequest) -> Answer:
    """An empty list: the test network has no chain to deposit from or withdraw to."""
    return envelope([])


for path in ("/deposit-address", "/deposit-history", "/withdrawal-history"):
    router.get(path, auth=signed(limits.SLOW_READ), summary="Empty: no chain on the test network")(nothing)
