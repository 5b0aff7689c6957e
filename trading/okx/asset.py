"""Funding account (the wallet) of the caller: currencies, balances, transfers between wallet and venue, and
withdrawals."""

from typing import Any

from django.http import HttpRequest
from ninja import Router

from exchange_os.ledger.models import Asset, Entry, Transfer, Withdrawal, WithdrawalState
from trading import limits
from trading.decimals import decimal_text, scaled_text
from trading.models import Permission
from trading.okx.caller import Caller
from trading.okx.envelope import envelope
from trading.okx.errors import DialectError, missing, parameter_error
from trading.okx.gate import caller_in, signed
from trading.okx.requests import (
    CLIENT_ID,
    integer_text,
    json_object,
    page_of,
    positive_of,
    text_of,
)
from trading.selectors.wallet import (
    deposits_page,
    milliseconds,
    transfer_of,
    wallet_balances,
    withdrawals_page,
)
from trading.services.transfers import FUNDING, TRADING, cancel_withdrawal, move_funds, withdraw
from trading.threads import in_database_thread

router = Router()
Answer = dict[str, Any]
ON_CHAIN = "4"
STATES = {"requested": "pending", "settled": "success", "refused": "failed"}
WITHDRAWAL_STATES = {
    WithdrawalState.CANCELLED: "-2",
    WithdrawalState.RETURNED: "-1",
    WithdrawalState.REQUESTED: "0",
    WithdrawalState.APPROVED: "0",
    WithdrawalState.SENDING: "1",
    WithdrawalState.SENT: "1",
    WithdrawalState.FINAL: "2",
}
CREDITED = "2"


@router.get("/currencies", auth=signed(limits.READ), summary="Assets of the venue")
async def currencies(request: HttpRequest, ccy: str = "") -> Answer:
    wanted = {name for name in ccy.split(",") if name}
    assets = caller_in(request).catalogue.assets.values()
    return envelope([_currency_row(asset) for asset in assets if not wanted or asset.symbol in wanted])


def chain_of(asset: Asset) -> str:
    """The network of an asset, as the dialect names them."""
    return f"{asset.symbol}-ExchangeOS"


def _currency_row(asset: Asset) -> Answer:
    smallest = scaled_text(1, asset.scale)
    return {
        "ccy": asset.symbol,
        "name": asset.name,
        "logoLink": "",
        "chain": chain_of(asset),
        "ctAddr": "",
        "canDep": False,
        "canWd": True,
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


def _client_id(item: Answer) -> str:
    """The caller's own id of a transfer or withdrawal: a repeated one moves nothing again."""
    text = text_of(item, "clientId")
    if text and not CLIENT_ID.fullmatch(text):
        raise parameter_error("clientId", "it is 1 to 32 letters and digits")
    return text


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
    client_id = _client_id(item)
    amount, symbol = positive_of(item, "amt"), text_of(item, "ccy")
    made = await in_database_thread(
        move_funds,
        caller.user_id,
        caller.catalogue.id,
        symbol,
        amount,
        deposit=origin == FUNDING,
        client_id=client_id,
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
async def transfer_state(
    request: HttpRequest, transId: str = "", clientId: str = "", type: str = "0"
) -> Answer:
    caller = caller_in(request)
    number = integer_text(transId, "transId")
    if number is None and not clientId:
        raise DialectError("50014", "Either parameter transId or clientId is required.")
    found = await in_database_thread(
        transfer_of, caller.user_id, caller.catalogue.group_id, number, _client_id({"clientId": clientId})
    )
    if found is None:
        raise DialectError("58129", "There is no such transfer.")
    return envelope([_transfer_row(caller, found)])


def _transfer_row(caller: Caller, transfer: Transfer) -> Answer:
    deposit = transfer.direction == "deposit"
    return {
        "transId": str(transfer.pk),
        "clientId": transfer.client_id,
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


@router.post("/withdrawal", auth=signed(limits.TRANSFER), summary="Send funds of the wallet to an address")
async def withdrawal(request: HttpRequest) -> Answer:
    caller = caller_in(request)
    caller.require(Permission.WITHDRAW)
    item = json_object(request.body)
    if text_of(item, "dest") != ON_CHAIN:
        raise parameter_error("dest", f"withdrawals go to addresses on the network ({ON_CHAIN})")
    address = text_of(item, "toAddr")
    if not address:
        raise missing("toAddr")
    client_id, amount, symbol = _client_id(item), positive_of(item, "amt"), text_of(item, "ccy")
    if text_of(item, "chain") not in ("", f"{symbol}-ExchangeOS"):
        raise parameter_error("chain", f"{symbol} leaves by {symbol}-ExchangeOS")
    made = await in_database_thread(withdraw, caller.user_id, symbol, amount, address, client_id)
    return envelope(
        [
            {
                "wdId": str(made.pk),
                "ccy": symbol,
                "chain": chain_of(made.asset),
                "amt": decimal_text(amount),
                "clientId": client_id,
            }
        ]
    )


@router.post(
    "/cancel-withdrawal", auth=signed(limits.TRANSFER), summary="Take a withdrawal back that is not sent"
)
async def withdrawal_cancel(request: HttpRequest) -> Answer:
    caller = caller_in(request)
    caller.require(Permission.WITHDRAW)
    number = integer_text(text_of(json_object(request.body), "wdId"), "wdId")
    if number is None:
        raise missing("wdId")
    made = await in_database_thread(cancel_withdrawal, caller.user_id, number)
    return envelope([{"wdId": str(made.pk)}])


@router.get("/withdrawal-history", auth=signed(limits.SLOW_READ), summary="Withdrawals, newest first")
async def withdrawal_history(
    request: HttpRequest,
    ccy: str = "",
    wdId: str = "",
    clientId: str = "",
    txId: str = "",
    state: str = "",
    after: str = "",
    before: str = "",
    limit: str = "",
) -> Answer:
    caller = caller_in(request)
    states = [name for name, number in WITHDRAWAL_STATES.items() if number == state] if state else None
    rows = await in_database_thread(
        withdrawals_page,
        caller.user_id,
        page_of(limit, after, before),
        states,
        asset__symbol=_plain(ccy, "ccy"),
        pk=integer_text(wdId, "wdId"),
        client_id=_client_id({"clientId": clientId}),
        txid=_plain(txId, "txId"),
    )
    return envelope([_withdrawal_row(row) for row in rows])


def _plain(text: str, name: str) -> str:
    """Text that may be compared with a column: without NUL, which PostgreSQL does not hold."""
    if "\x00" in text:
        raise parameter_error(name)
    return text


def _withdrawal_row(row: Withdrawal) -> Answer:
    return {
        "wdId": str(row.pk),
        "clientId": row.client_id,
        "ccy": row.asset.symbol,
        "chain": chain_of(row.asset),
        "nonTradableAsset": False,
        "amt": scaled_text(row.amount, row.asset.scale),
        "fee": "0",
        "feeCcy": row.asset.symbol,
        "from": "",
        "areaCodeFrom": "",
        "to": row.address,
        "areaCodeTo": "",
        "toAddrType": "1",
        "tag": "",
        "pmtId": "",
        "memo": "",
        "addrEx": "",
        "txId": row.txid,
        "ts": str(milliseconds(row.created)),
        "state": WITHDRAWAL_STATES[WithdrawalState(row.state)],
        "note": row.reason,
    }


@router.get("/deposit-history", auth=signed(limits.SLOW_READ), summary="Deposits, newest first")
async def deposit_history(
    request: HttpRequest,
    ccy: str = "",
    depId: str = "",
    state: str = "",
    after: str = "",
    before: str = "",
    limit: str = "",
) -> Answer:
    caller = caller_in(request)
    if state not in ("", CREDITED):
        return envelope([])
    rows = await in_database_thread(
        deposits_page,
        caller.user_id,
        page_of(limit, after, before),
        account__asset__symbol=_plain(ccy, "ccy"),
        pk=integer_text(depId, "depId"),
    )
    return envelope([_deposit_row(row) for row in rows])


def _deposit_row(row: Entry) -> Answer:
    asset = row.account.asset
    return {
        "depId": str(row.pk),
        "ccy": asset.symbol,
        "chain": chain_of(asset),
        "amt": scaled_text(row.amount, asset.scale),
        "from": "",
        "areaCodeFrom": "",
        "to": "",
        "txId": "",
        "ts": str(milliseconds(row.posting.created)),
        "state": CREDITED,
        "fromWdId": "",
        "actualDepBlkConfirm": "",
    }


@router.get(
    "/deposit-address",
    auth=signed(limits.SLOW_READ),
    summary="Empty: on the test network money comes from the faucet",
)
async def deposit_address(request: HttpRequest, ccy: str = "") -> Answer:
    if not ccy:
        raise missing("ccy")
    return envelope([])
