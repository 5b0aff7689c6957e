"""Examples for the clients traders already have, filled in with the address and a symbol of a venue."""

from textwrap import dedent


def _pair(symbol: str) -> str:
    """The name ccxt gives an instrument."""
    parts = symbol.split("-")
    if len(parts) == 2:
        return "/".join(parts)
    return f"{parts[0]}/{parts[1]}:{parts[1]}" if parts[2:] == ["SWAP"] else symbol


def snippets_of(base: str, symbol: str) -> list[tuple[str, str]]:
    """Name and text of every example, for the venue at ``base`` and its market ``symbol``."""
    pair, sockets = _pair(symbol), base.replace("http", "ws", 1) + "/ws/v5"
    options = (
        f'"apiKey": "KEY", "secret": "SECRET", "password": "PASSPHRASE",\n'
        f'    "urls": {{"api": {{"rest": "{base}", "ws": "{sockets}"}}}},\n'
        f'    "options": {{"fetchMarkets": {{"types": ["spot", "swap", "EVENTS"]}}}},'
    )
    texts = {
        "ccxt": f"""\
import ccxt

venue = ccxt.okx({{
    {options}
}})
print(venue.fetch_order_book("{pair}"))
print(venue.fetch_balance())
""",
        "ccxt.pro": f"""\
import asyncio
import ccxt.pro

async def main():
    venue = ccxt.pro.okx({{
    {options}
    }})
    print(await venue.watch_order_book("{pair}"))
    await venue.close()

asyncio.run(main())
""",
        "freqtrade": f"""\
"exchange": {{
    "name": "okx", "key": "KEY", "secret": "SECRET", "password": "PASSPHRASE",
    "ccxt_config": {{"urls": {{"api": {{"rest": "{base}", "ws": "{sockets}"}}}}}},
    "pair_whitelist": ["{pair}"]
}}
""",
        "nautilus_trader": f"""\
from nautilus_trader.adapters.okx import OKXDataClientConfig

data = OKXDataClientConfig(
    api_key="KEY", api_secret="SECRET", api_passphrase="PASSPHRASE",
    base_url_http="{base}",
    base_url_ws_public="{sockets}/public",
    base_url_ws_business="{sockets}/business",
)
""",
        "python-okx": f"""\
import okx.MarketData as MarketData
import okx.Trade as Trade

print(MarketData.MarketAPI(flag="0", domain="{base}").get_orderbook("{symbol}"))
trade = Trade.TradeAPI("KEY", "SECRET", "PASSPHRASE", flag="0", domain="{base}")
print(trade.get_order_list())
""",
        "curl": f"""\
key=KEY secret=SECRET passphrase=PASSPHRASE
path=/api/v5/account/balance
stamp=$(date -u +%Y-%m-%dT%H:%M:%S.000Z)
sign=$(printf '%s' "${{stamp}}GET${{path}}" | openssl dgst -sha256 -hmac "$secret" -binary | base64)
curl "{base}$path" -H "OK-ACCESS-KEY: $key" -H "OK-ACCESS-SIGN: $sign" \\
  -H "OK-ACCESS-TIMESTAMP: $stamp" -H "OK-ACCESS-PASSPHRASE: $passphrase"
""",
    }
    return [(name, dedent(text)) for name, text in texts.items()]
