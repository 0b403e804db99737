# SPDX-License-Identifier: Apache-2.0
"""What a MarketStore server holds, over its RPC, and what is put there before a test; by our own few lines, no package."""

import struct
import urllib.error
import urllib.request

from tests.lib import interval as grid
from tests.lib import msgpack, wait
from tests.lib.compare import Comparison

SUFFIX = ":Symbol/Timeframe/AttributeGroup"
FORMS = {"f4": "f", "f8": "d", "i8": "q", "i4": "i", "u1": "B"}
FULL = ("Open", "High", "Low", "Close", "Volume", "QuoteVolume", "Trades", "TakerBuyBase", "TakerBuyQuote")


class RemoteError(AssertionError):
    """What the server said instead of an answer."""


def call(url, method, **params):
    body = msgpack.pack({"jsonrpc": "2.0", "id": 1, "method": "DataService." + method, "params": params})
    request = urllib.request.Request(url + "/rpc", body, {"Content-Type": "application/x-msgpack"})
    with urllib.request.urlopen(request, timeout=wait.PATIENCE_S) as answer:
        reply = msgpack.unpack(answer.read())
    if "error" in reply:
        raise RemoteError(reply["error"]["message"])
    return reply["result"]


def write(url, key, columns, rows, variable=False):
    """`columns`: [(name, type)] without Epoch; `rows`: [(epoch seconds, values)]."""
    names, types = zip(("Epoch", "i8"), *columns)
    table = list(zip(*[(epoch, *values) for epoch, values in rows]))
    data = [b"".join(column) if kind == "U16" else struct.pack(f"<{len(rows)}{FORMS[kind]}", *column)
            for kind, column in zip(types, table)]
    dataset = {"types": list(types), "names": list(names), "data": data, "length": len(rows),
               "startindex": {key + SUFFIX: 0}, "lengths": {key + SUFFIX: len(rows)}}
    responses = call(url, "Write", requests=[{"dataset": dataset, "is_variable_length": variable}])["responses"]
    if responses:
        raise RemoteError(responses)


def rows(url, key):
    """(names, {open time in us: values}); empty where there is no such bucket."""
    try:
        reply = call(url, "Query", requests=[{"destination": key, "epoch_start": 0}])
    except RemoteError as error:
        if "no files returned" in str(error) or "not in catalog" in str(error):
            return (), {}
        raise
    result = reply["responses"][0]["result"]
    columns = [struct.unpack(f"<{result['length']}{FORMS[kind]}", data)
               for kind, data in zip(result["types"], result["data"])]
    found = {}
    for epoch, *values in zip(*columns):
        if epoch * 1000000 in found:
            raise RemoteError(f"{key}: {grid.text(epoch * 1000000)} is there twice")
        found[epoch * 1000000] = tuple(values)
    return tuple(result["names"][1:]), found


def ticks(url, key):
    """Rows of a bucket of ticks as {column: value} with Time in ns, in the server's order; none where there is no such
    bucket. Text stays as bytes."""
    try:
        reply = call(url, "Query", requests=[{"destination": key, "epoch_start": 0}])
    except RemoteError as error:
        if "no files returned" in str(error) or "not in catalog" in str(error):
            return []
        raise
    result = reply["responses"][0]["result"]
    columns = []
    for kind, data in zip(result["types"], result["data"]):
        if kind == "U16":
            columns.append([data[at:at + 64] for at in range(0, len(data), 64)])
        else:
            columns.append(struct.unpack(f"<{result['length']}{FORMS[kind]}", data))
    rows = []
    for values in zip(*columns):
        row = dict(zip(result["names"], values))
        row["Time"] = row.pop("Epoch") * 1_000_000_000 + row.pop("Nanoseconds")
        rows.append(row)
    return rows


def key_of(symbol, interval):
    return "/".join((symbol, *grid.HOME[interval]))


def against_ledger(exchange, url, symbol, interval, start_us, end_us, single=False):
    """Compares bars that open in [start_us, end_us], whatever the bucket's columns are. `single`: kept as f4."""
    names, found = rows(url, key_of(symbol, interval))
    truth = exchange.bars(symbol, interval, start_us, end_us)

    def number(text):
        return struct.unpack("<f", struct.pack("<f", float(text)))[0] if single else float(text)
    wanted = {open_us: tuple(number(bar[FULL.index(name)]) for name in names) for open_us, bar in truth.items()}
    return Comparison(wanted, {open_us: bar for open_us, bar in found.items() if start_us <= open_us <= end_us})
