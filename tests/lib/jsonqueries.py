# SPDX-License-Identifier: Apache-2.0
"""MarketStore's RPC in JSON: what is asked of our gateway (tests/scenario) and of the stock server (tests/interop)."""

import json
import urllib.request

from tests.lib import wait

BAR_COLUMNS = ["Open", "High", "Low", "Close", "Volume", "QuoteVolume", "Trades", "TakerBuyBase", "TakerBuyQuote"]


def lines(count=300):
    """Bars for tests/support/makestore.c."""
    for symbol, interval, step in (("BTCUSDT", "1m", 60), ("ETHUSDT", "1m", 60), ("BTCUSDT", "4h", 14_400)):
        for i in range(count):
            yield f"{symbol} {interval} {(1_704_067_200 + i * step) * 1_000_000} {i + 0.5} {i + 2} 0.25 {i + 1} {i} 9.75 {i} 8 7"


def call(method, params, number=1, version="2.0"):
    return json.dumps({"jsonrpc": version, "id": number, "method": "DataService." + method, "params": params})


def query(**request):
    return call("Query", {"Requests": [request]})


# Everything that the stock server answers, in its own words.
SAME = {
    "the last rows": query(Destination="BTCUSDT/1Min/OHLCV", LimitRecordCount=2),
    "everything": query(Destination="BTCUSDT/1Min/OHLCV"),
    "a list of one": call("Query", [{"Requests": [{"Destination": "BTCUSDT/2H/OHLCV_4H", "EpochStart": 1_704_110_400}]}], "x"),
    "columns, from the start": query(Destination="ETHUSDT/1Min/OHLCV", LimitRecordCount=3, LimitFromStart=True,
                                     Columns=["Close", "Trades"], EpochStart=1_704_067_260, EpochEnd=1_704_070_000),
    "names in lower case": query(destination="BTCUSDT/1Min/OHLCV", epochstart=1_704_067_260, limitrecordcount=1),
    "none in the range": query(Destination="BTCUSDT/1Min/OHLCV", EpochStart=1_804_067_200),
    "no such bucket": query(Destination="NONE/1Min/OHLCV"),
    "columns of a bucket": call("GetInfo", {"Requests": [{"Key": "BTCUSDT/1Min/OHLCV"}]}, 7),
    "symbols": call("ListSymbols", {}), "buckets": call("ListSymbols", {"Format": "tbk"}, "text"),
}


def post(url, text):
    """(HTTP status, content type without parameters, text)."""
    request = urllib.request.Request(url + "/rpc", text if isinstance(text, bytes) else text.encode(),
                                     {"Content-Type": "application/json; charset=utf-8"})
    with urllib.request.urlopen(request, timeout=wait.PATIENCE_S) as answer:
        return answer.status, answer.headers["Content-Type"].split(";")[0], answer.read().decode()


def ask(url, text):
    """The reply; lists that come in no order, in one; the server's version left out."""
    reply = json.loads(post(url, text)[2])
    result = reply.get("result")
    if isinstance(result, dict):
        result.pop("Version", None)
        for response in result.get("Responses") or []:
            response.get("ServerResp", {}).pop("Version", None)
        if "Results" in result:
            result["Results"].sort()
    return reply
