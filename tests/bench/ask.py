# SPDX-License-Identifier: Apache-2.0
"""A client in a process of its own, for Python would be the limit of several in one. Run by tests/bench/gateway.py with the
Python that has pymarketstore:

    ask.py PORT COUNT raw|client QUERY

QUERY: JSON, the arguments of pymarketstore's Params. `client` is the unmodified client, up to its numpy array; `raw` reads the
answer's bytes and no more. Prints "ready", waits for a line, asks COUNT times on one connection, prints
{"begun", "ended": monotonic seconds, "seconds": [of each], "size": bytes or rows}."""

import http.client
import json
import sys
import time

import msgpack
import pymarketstore

ROOM = memoryview(bytearray(1 << 20))


def raw_asker(port, params):
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=120)
    client = pymarketstore.Client(f"http://127.0.0.1:{port}/rpc").client
    body = msgpack.dumps({"method": "DataService.Query", "id": "1", "jsonrpc": "2.0", "params": client.build_query(params)})

    def ask():
        connection.request("POST", "/rpc", body, {"Content-Type": "application/x-msgpack"})
        answer, size = connection.getresponse(), 0
        while count := answer.readinto(ROOM):
            size += count
        return size
    return ask


def client_asker(port, params):
    client = pymarketstore.Client(f"http://127.0.0.1:{port}/rpc")
    return lambda: sum(len(dataset.array) for dataset in client.query(params).all().values())


def main():
    port, count, kind, query = int(sys.argv[1]), int(sys.argv[2]), sys.argv[3], json.loads(sys.argv[4])
    ask = (raw_asker if kind == "raw" else client_asker)(port, pymarketstore.Params(**query))
    ask()  # connections are made, files are in memory
    print("ready", flush=True)
    sys.stdin.readline()
    begun, seconds, size = time.monotonic(), [], 0
    for _ in range(count):
        before = time.monotonic()
        size = ask()
        seconds.append(time.monotonic() - before)
    print(json.dumps({"begun": begun, "ended": time.monotonic(), "seconds": seconds, "size": size}))


if __name__ == "__main__":
    main()
