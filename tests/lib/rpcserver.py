# SPDX-License-Identifier: Apache-2.0
"""A small MarketStore: speaks the RPC of a stock server (v4.1.23) as far as a writer needs it, with its quirks, keeps
buckets in memory and, if asked, in a file, and misbehaves on request. So that the sink is tested where no stock server is.
A kill is no orderly end: the next start replays what was written in the last five minutes, so that ticks are doubled. Nor
does an orderly end protect what is written after its checkpoint (fault `linger`: it ends so many seconds later).

Quirks that are kept: errors come with HTTP 200; a write's success is a nil list; rows of a fixed bucket are upserted by
slot and a bar of 1 January of a daily one is swallowed; rows of a variable one are appended; a request's column order is
what is stored; answers above 2 KiB are chunked; a query of seconds whose rows pack too well is a panic, so that its
connection ends without an answer.

    python3 -m tests.lib.rpcserver --port PORT [--state FILE]      state: kept over a restart; faults: POST /fault, JSON
"""

import argparse
import bisect
import datetime
import http.server
import json
import os
import pickle
import signal
import socketserver
import struct
import sys
import threading
import time

from tests.lib import msgpack

SUFFIX = ":Symbol/Timeframe/AttributeGroup"
CODES = {"f4": 0, "i4": 1, "f8": 2, "i8": 3, "i1": 5, "i2": 9, "u1": 10, "u2": 11, "u4": 12, "u8": 13, "U16": 14}
BYTES = {"f4": 4, "i4": 4, "f8": 8, "i8": 8, "i1": 1, "i2": 2, "u1": 1, "u2": 2, "u4": 4, "u8": 8, "U16": 64}
SECONDS = {"1Sec": 1, "10Sec": 10, "30Sec": 30, "1Min": 60, "5Min": 300, "15Min": 900, "30Min": 1800, "1H": 3600,
           "2H": 7200, "1D": 86400}

CHECKPOINT_S = 300


class Refused(Exception):
    """An error in words."""


class Bucket:
    def __init__(self, timeframe_s, names, types, variable):
        self.timeframe_s, self.names, self.types, self.variable = timeframe_s, names, types, variable
        self.rows = {}  # fixed: slot -> cells; variable: second -> [(nanos, cells)]

    def is_lost(self, second):
        day = datetime.datetime.fromtimestamp(second, datetime.timezone.utc)
        return self.timeframe_s == 86400 and (day.month, day.day) == (1, 1)

    def put(self, second, nanos, cells):
        slot = second - second % self.timeframe_s
        if self.variable:
            bisect.insort_right(self.rows.setdefault(second, []), (nanos, cells), key=lambda row: row[0])
        elif not self.is_lost(slot):
            self.rows[slot] = cells

    def select(self, start, end, limit, from_start):
        if not self.variable:
            start -= start % self.timeframe_s
        seconds = [second for second in sorted(self.rows) if start <= second <= end]
        if self.variable:
            if limit:
                seconds = seconds[:limit] if from_start else seconds[-limit:]
            self.make_room(seconds)
        found = []
        for second in seconds:
            rows = self.rows[second] if self.variable else [(0, self.rows[second])]
            found += [(second, nanos, cells) for nanos, cells in rows]
        if limit:
            found = found[:limit] if from_start else found[-limit:]
        return found

    def make_room(self, seconds):
        """As a stock server does before it unpacks the blocks of these seconds: it takes them to unpack to four times
        their size, doubles the room once where one does not fit, and panics where it does not fit then."""
        row_bytes = sum(BYTES[kind] for kind in self.types) + 4
        room, used = 4 * sum(self.packed_bytes(second, row_bytes) for second in seconds), 0
        for second in seconds:
            used += len(self.rows[second]) * (row_bytes + 8)
            if used > room:
                room *= 2
            if used > room:
                raise ConnectionAbortedError(f"slice bounds out of range [:{used}] with capacity {room}")

    def packed_bytes(self, second, row_bytes):
        """About what snappy makes of it: 9 bytes of a row that was there before, a quarter of another one."""
        rows = self.rows[second]
        distinct = len(set(rows))
        return row_bytes // 4 * distinct + 9 * (len(rows) - distinct)


class Store:
    """The buckets, and the faults."""

    def __init__(self, path):
        self.path = path
        self.lock = threading.Lock()
        self.ending = False
        self.buckets = {}
        self.faults = []  # {"fault": name, "count": n, ...}
        self.figures = {"writes": 0, "rows": 0, "queries": 0, "infos": 0, "largest": 0, "together": 0}
        self.log = []  # (when, bucket, second, nanoseconds, cells) of variable buckets since the last checkpoint
        if path and os.path.exists(path):
            with open(path, "rb") as file:
                self.buckets, log = pickle.load(file)
            for _, key, second, nanos, cells_of_row in log:
                self.buckets[key].put(second, nanos, cells_of_row)
            self.save()  # once: a checkpoint follows

    def save(self):
        if self.path:
            self.log = [one for one in self.log if one[0] > time.time() - CHECKPOINT_S]
            with open(self.path + ".new", "wb") as file:
                pickle.dump((self.buckets, self.log), file)
            os.replace(self.path + ".new", self.path)

    def end(self):
        """In order: a checkpoint is made. Returns how many seconds it takes to end after that, still taking in rows."""
        with self.lock:
            self.ending = True
            self.log = []
            self.save()
            fault = self.take_fault(None, "linger")
            return fault["seconds"] if fault else 0

    def take_fault(self, method, *names, keys=()):
        """A fault that is due; one with a `bucket` only where the request's keys have it."""
        for fault in self.faults:
            if fault["fault"] in names and fault.get("method", method) == method and fault["count"] > 0 and \
                    ("bucket" not in fault or fault["bucket"] in keys):
                fault["count"] -= 1
                fault["hits"] = fault.get("hits", 0) + 1
                return fault
        return None

    # ---- methods ----

    def write(self, request):
        data = request["dataset"]
        names, types = data["names"], data["types"]
        if "Epoch" not in names or types[names.index("Epoch")] != "i8":
            raise Refused("unexpected data type for Epoch column")
        self.figures["together"] = max(self.figures["together"], len(data["startindex"]))
        for tbk, start in data["startindex"].items():
            key = tbk.split(":")[0]
            parts = key.split("/")
            if len(parts) != 3 or parts[1] not in SECONDS:
                raise Refused(f"Unable to get timeframe from key {key}")
            columns = [list(cells(kind, data["data"][i])) for i, kind in enumerate(types)]
            end = start + data["lengths"][tbk]
            if any(len(column) < end for column in columns):
                raise ConnectionAbortedError
            if self.take_fault("DataService.Write", "forget"):  # acknowledged, and kept nowhere
                continue
            self.write_bucket(key, parts, names, types, columns, start, end, request.get("is_variable_length", False))
            self.figures["writes"] += 1
            self.figures["rows"] += end - start
            self.figures["largest"] = max(self.figures["largest"], end - start)

    def write_bucket(self, key, parts, names, types, columns, start, end, variable):
        own = [i for i, name in enumerate(names) if name != "Epoch" and not (variable and name == "Nanoseconds")]
        kinds = {names[i]: types[i] for i in own}
        bucket = self.buckets.get(key)
        if bucket is None:
            bucket = self.buckets[key] = Bucket(SECONDS[parts[1]], [names[i] for i in own], [types[i] for i in own], variable)
        if kinds != dict(zip(bucket.names, bucket.types)):
            raise Refused(f"unable to match data columns ({kinds}) to bucket columns ({dict(zip(bucket.names, bucket.types))})")
        epoch = names.index("Epoch")
        nanos = names.index("Nanoseconds") if variable and "Nanoseconds" in names else None
        years = None
        for row in range(start, end):
            second = struct.unpack("<q", columns[epoch][row])[0]
            year = datetime.datetime.fromtimestamp(second, datetime.timezone.utc).year
            if years is not None and year != years:
                raise Refused("several years in one batch: a stock server would mix up their slots")
            years = year
            # In the request's order, whatever the bucket's is.
            nanosecond = struct.unpack("<i", columns[nanos][row])[0] if nanos is not None else 0
            values = tuple(columns[i][row] for i in own)
            bucket.put(second, nanosecond, values)
            if bucket.variable:
                self.log.append((time.time(), key, second, nanosecond, values))

        if self.take_fault("DataService.Write", "tamper"):  # as another program that writes there, too
            bucket.rows[second] = (struct.pack("<d", 42.0), *bucket.rows[second][1:])

    def query(self, request):
        self.figures["queries"] += 1
        symbols, timeframe, group = request["destination"].split(":")[0].split("/")
        found = [f"{symbol}/{timeframe}/{group}" for symbol in symbols.split(",")
                 if f"{symbol}/{timeframe}/{group}" in self.buckets]
        if not found:
            raise Refused("no files returned from query parse")
        bucket = self.buckets[found[0]]
        rows = bucket.select(request.get("epoch_start", 0), request.get("epoch_end", 1 << 62),
                             request.get("limit_record_count", 0), request.get("limit_from_start", False))
        wanted = request.get("columns") or bucket.names
        own = [i for i, name in enumerate(bucket.names) if name in wanted]
        names, types = ["Epoch"] + [bucket.names[i] for i in own], ["i8"] + [bucket.types[i] for i in own]
        data = [b"".join(struct.pack("<q", row[0]) for row in rows)]
        data += [b"".join(row[2][i] for row in rows) for i in own]
        if bucket.variable:
            names, types = names + ["Nanoseconds"], types + ["i4"]
            data.append(b"".join(struct.pack("<i", row[1]) for row in rows))
        return {"result": {"types": types, "names": names, "data": data, "length": len(rows),
                           "startindex": {found[0] + SUFFIX: 0}, "lengths": {found[0] + SUFFIX: len(rows)}}}

    def info(self, request):
        self.figures["infos"] += 1
        key = request["key"].split(":")[0]
        bucket = self.buckets.get(key)
        if bucket is None:
            error = f"unable to get info about key {key}: directory path /nowhere/{key}/1970.bin not found in catalog"
            return {"LatestYear": 0, "TimeFrame": 0, "DSV": None, "RecordType": 0, "ServerResp": {"error": error, "version": ""}}
        columns = [{"Name": "Epoch", "Type": 3}]
        columns += [{"Name": name, "Type": CODES[kind]} for name, kind in zip(bucket.names, bucket.types)]
        return {"LatestYear": 2024, "TimeFrame": bucket.timeframe_s * 1000000000, "DSV": columns,
                "RecordType": int(bucket.variable), "ServerResp": {"error": "", "version": ""}}

    def destroy(self, request):
        key = request["key"].split(":")[0]
        error = "" if self.buckets.pop(key, None) else f"{key} not found in catalog"
        self.log = [one for one in self.log if one[1] != key]
        return {"error": error, "version": ""}

    def call(self, method, params):
        requests = params.get("requests") or []
        if method == "DataService.Write":
            refused = []
            for request in requests:
                try:
                    self.write(request)
                except Refused as error:
                    refused.append({"error": str(error), "version": ""})
            return {"responses": refused or None}
        if method == "DataService.Query":
            return {"responses": [self.query(one) for one in requests], "version": "", "timezone": "UTC"}
        if method == "DataService.GetInfo":
            return {"responses": [self.info(one) for one in requests]}
        if method == "DataService.Destroy":
            return {"responses": [self.destroy(one) for one in requests]}
        if method == "DataService.ListSymbols":
            if self.ending:
                raise Refused("server is not queryable")
            names = list(self.buckets) if params.get("format") == "tbk" else {key.split("/")[0] for key in self.buckets}
            return {"Results": sorted(names)}
        raise Refused(f'rpc: can\'t find method "{method}"')


def cells(kind, data):
    size = BYTES[kind]
    return (data[i:i + size] for i in range(0, len(data), size))


def keys_of(request):
    """The buckets that a request writes, asks or reads."""
    keys = []
    for one in (request.get("params") or {}).get("requests") or []:
        keys += list((one.get("dataset") or {}).get("startindex") or {}) + [one.get("destination", ""), one.get("key", "")]
    return [key.split(":")[0] for key in keys]


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def log_message(self, *arguments):
        pass

    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        if self.path == "/fault":
            fault = {"count": 1, **json.loads(body)}
            with self.server.store.lock:
                if fault["fault"] == "rename":
                    self.server.store.buckets[fault["bucket"]].names[0] = fault["column"]
                else:
                    self.server.store.faults.append(fault)
            self.answer(b"{}")
            return
        store = self.server.store
        request = msgpack.unpack(body)
        method = request["method"]
        fault = store.take_fault(method, "slow")
        if fault:
            time.sleep(fault.get("seconds", 2))
        if store.take_fault(method, "drop", keys=keys_of(request)):
            self.close_connection = True
            return  # nothing was done
        if store.take_fault(method, "refuse"):
            self.reply(request, {"responses": [{"error": "a refusal on request", "version": ""}]})
            return
        if store.take_fault(method, "lie"):  # acknowledged, and forgotten by a kill before the log was written
            self.reply(request, {"responses": None})
            return
        with store.lock:
            try:
                result = store.call(method, request.get("params") or {})
            except Refused as error:
                self.reply(request, None, str(error))
                return
            except (ConnectionAbortedError, KeyError, ValueError, struct.error) as error:
                print(f"panic: {error!r}", file=sys.stderr, flush=True)
                self.close_connection = True  # as a stock server after a panic
                return
            if method in ("DataService.Write", "DataService.Destroy"):
                store.save()
        if store.take_fault(method, "lose_answer"):
            self.close_connection = True
            return
        if store.take_fault(method, "garble"):
            self.answer(b"\xc1 what is this")
            return
        self.reply(request, result)

    def do_GET(self):
        with self.server.store.lock:
            store = self.server.store
            self.answer(json.dumps({**store.figures, "faults": store.faults}).encode())

    def reply(self, request, result, error=None):
        body = {"jsonrpc": "2.0"}
        if error is None:
            body["result"] = result
        else:
            body["error"] = {"code": -32000, "message": error, "data": None}
        body["id"] = request["id"]
        self.answer(msgpack.pack(body))

    def answer(self, body):
        self.send_response(200)
        self.send_header("Marketstore-Version", "small")
        self.send_header("Content-Type", "application/x-msgpack")
        if len(body) <= 2048:
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)
            return
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        for at in range(0, len(body), 65536):
            part = body[at:at + 65536]
            self.wfile.write(b"%x\r\n" % len(part) + part + b"\r\n")
        self.wfile.write(b"0\r\n\r\n")


class Server(socketserver.ThreadingMixIn, http.server.HTTPServer):
    daemon_threads = True
    allow_reuse_address = True


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--state")
    options = parser.parse_args()
    server = Server(("127.0.0.1", options.port), Handler)
    server.store = Store(options.state)

    def end(*_):
        threading.Timer(server.store.end(), os._exit, (0,)).start()
    signal.signal(signal.SIGTERM, lambda *_: threading.Thread(target=end).start())
    server.serve_forever()


if __name__ == "__main__":
    main()
