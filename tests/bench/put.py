# SPDX-License-Identifier: Apache-2.0
"""pymarketstore's own write, in a process of its own. Run by tests/bench/sink.py with the Python that has it:

    put.py PORT BUCKET FILE ROWS_AT_ONCE [COUNTED_BUCKET]

FILE: rows as tests/support/sinkwrite saves them. Prints {"seconds", "cpu": of the writes, "rows": that the server then has in
the bucket, "counted": and in the other, "equal": whether both hold the same}."""

import json
import sys
import time

import numpy as np
import pymarketstore
from pymarketstore import Params

TEXT = [("Exchange", "<U16"), ("Tape", "<U16")]
BARS = [("Epoch", "<i8"), *((name, "<f8") for name in ("Open", "High", "Low", "Close", "Volume", "QuoteVolume")),
        ("Trades", "<i8"), ("TakerBuyBase", "<f8"), ("TakerBuyQuote", "<f8")]
TRADES = [("Epoch", "<i8"), ("Price", "<f8"), ("Size", "<f8"), *TEXT, ("TradeId", "<i8"), ("BuyerMaker", "u1"),
          ("RecvTime", "<i8"), ("Nanoseconds", "<i4")]


def rows_of(client, bucket):
    return client.query(Params(*bucket.split("/"))).first().array


def main():
    client = pymarketstore.Client(f"http://127.0.0.1:{sys.argv[1]}/rpc")
    bucket, at_once, others = sys.argv[2], int(sys.argv[4]), sys.argv[5:]
    variable = bucket.endswith("/TRADE")
    rows = np.fromfile(sys.argv[3], dtype=TRADES if variable else BARS)
    begun, cpu = time.monotonic(), time.process_time()
    for at in range(0, len(rows), at_once):
        client.write(rows[at:at + at_once], bucket, isvariablelength=variable)
    seconds, cpu = time.monotonic() - begun, time.process_time() - cpu
    stored = rows_of(client, bucket)
    counted = [rows_of(client, other) for other in others]
    print(json.dumps({"seconds": seconds, "cpu": cpu, "rows": len(stored), "counted": [len(one) for one in counted],
                      "equal": all(one.tobytes() == stored.tobytes() for one in counted)}))


if __name__ == "__main__":
    main()
