# SPDX-License-Identifier: Apache-2.0
"""The gateway of a running feeder: rows as they come, its pages, its death, its configuration."""

import csv
import io
import json
import urllib.error
import urllib.request

from tests.lib import msgpack, remote, servers, wait
from tests.lib import interval as grid
from tests.lib.case import Scenario


class Gateway(Scenario):
    def start_feeder(self, listen=None):
        self.port = servers.free_port()
        self.start_exchange()
        feeder = self.feeder(start="2024-03-05T10:00:00Z", gateway={"listen": listen or f"'127.0.0.1:{self.port}'"})
        return feeder.start().wait_ready()

    def get(self, path):
        with urllib.request.urlopen(f"http://127.0.0.1:{self.port}{path}", timeout=wait.PATIENCE_S) as answer:
            return answer.read().decode()

    def status_of(self, path):
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.port}{path}", timeout=wait.PATIENCE_S) as answer:
                return answer.status
        except urllib.error.HTTPError as refusal:
            return refusal.code
        except OSError:
            return None

    def rows(self, query):
        return list(csv.DictReader(io.StringIO(self.get("/query?" + query))))

    def test_serves_what_the_feeder_keeps(self):
        feeder = self.start_feeder()
        end_us = self.last_closed_us("1m", self.exchange.now_us() - 1)
        self.wait_equal(feeder, start="2024-03-05T10:00:00")
        rows = self.rows("bucket=BTCUSDT/1m&end=" + grid.text(end_us))
        truth = self.exchange.bars("BTCUSDT", "1m", grid.us("2024-03-05T10:00:00"), end_us)
        self.assertEqual([row["Time"] for row in rows], [grid.text(us) for us in sorted(truth)])
        for row, us in zip(rows, sorted(truth)):
            self.assertEqual([float(row[name]) for name in ("Open", "High", "Low", "Close", "Volume", "QuoteVolume",
                                                             "Trades", "TakerBuyBase", "TakerBuyQuote")],
                             [float(value) for value in truth[us]])
        newest = rows[-1]["Time"]
        wait.until("a live bar to be served", lambda: self.rows("bucket=BTCUSDT/1m&last=1")[0]["Time"] > newest)
        wait.until("it to be well", lambda: self.status_of("/readyz") == 200)
        self.assertEqual(feeder.stop(), 0)

    def test_status_and_metrics_tell_the_same_as_the_command_line(self):
        feeder = self.start_feeder()
        self.wait_equal(feeder, start="2024-03-05T10:00:00")
        here, there = json.loads(self.get("/status")), feeder.status()
        self.assertEqual(here.keys(), there.keys())
        self.assertEqual(here["supervisor_pid"], there["supervisor_pid"])
        self.assertEqual([child["name"] for child in here["children"]], [child["name"] for child in there["children"]])

        def told():  # counts are kept for some seconds, and the ledger is written after the store
            metrics = dict(line.rsplit(" ", 1) for line in self.get("/metrics").splitlines() if line[0] != "#")
            rows = float(metrics.get('binancefeeder_rows{kind="bar",interval="1m"}', 0))
            here = (metrics.get('binancefeeder_connected{class="stream",name="BTCUSDT"}') == "1" and rows > 200 and
                    int(metrics["binancefeeder_receive_to_durable_seconds_count"]) > 0)
            return rows if here else None
        rows = wait.until("the same figures as metrics", told)
        self.assertGreaterEqual(sum(bucket["rows"] for bucket in feeder.status()["buckets"]), rows)

    def test_metrics_of_ticks(self):
        self.port = servers.free_port()
        self.start_exchange(speed=1, trades_per_minute=600)
        feeder = self.feeder(realtime={"stream_type": ["trade", "book_ticker"]}, backfill={"enabled": False},
                             gateway={"listen": f"'127.0.0.1:{self.port}'"})
        feeder.start().wait_ready()

        def metrics():
            return dict(line.rsplit(" ", 1) for line in self.get("/metrics").splitlines() if line[0] != "#")
        wait.until("rows of both kinds", lambda: all(
            int(metrics().get(f'binancefeeder_rows{{kind="{kind}"}}', 0)) > 0 for kind in ("trade", "quote")))
        told = wait.until("a bucket for each symbol", lambda: (lambda now: now if now.get(
            'binancefeeder_buckets{kind="trade"}') == str(len(self.SYMBOLS)) else None)(metrics()))
        self.assertNotIn('binancefeeder_buckets{kind="depth"}', told)
        lag_s = self.exchange.now_us() / 1e6 - float(told['binancefeeder_tick_newest_timestamp_seconds{kind="trade"}'])
        self.assertLess(abs(lag_s), 300)  # seconds of the exchange, not of this machine
        # The other symbol's first trade may still be on its way.
        wait.until("trades as text", lambda: self.status_of("/query?bucket=BTCUSDT/1s/TRADE&last=5") == 200 and
                   len(self.rows("bucket=BTCUSDT/1s/TRADE&last=5")) == 5)
        self.assertEqual(len(self.rows("bucket=BTCUSDT/TRADE&first=5")), 5, "the short form, as `query` takes it")
        self.assertEqual(feeder.stop(), 0)

    def test_a_killed_gateway_comes_back_and_nobody_else_notices(self):
        feeder = self.start_feeder()
        before = {child["pid"] for child in feeder.status()["children"] if child["class"] != "gateway"}
        killed = feeder.kill("gateway")["pid"]
        wait.until("another gateway", lambda: any(child["pid"] != killed for child in feeder.children("gateway")))
        wait.until("the gateway to answer again", lambda: self.status_of("/healthz") == 200)
        self.assertEqual({child["pid"] for child in feeder.status()["children"] if child["class"] != "gateway"}, before)

    def test_a_taken_address_is_waited_for_and_a_reload_moves_it(self):
        self.start_exchange()
        other = servers.free_port()
        taken = self.exchange.port
        feeder = self.feeder(start="2024-03-05T11:00:00Z", gateway={"listen": f"'127.0.0.1:{taken}'"})
        feeder.start()
        wait.until("the feeder to say so", lambda: "gateway.listen takes another address" in feeder.log_path.read_text())
        self.wait_equal(feeder, start="2024-03-05T11:00:00")  # the rest goes on
        self.port = other
        feeder.config["gateway"]["listen"] = f"'127.0.0.1:{other}'"
        feeder.reload()
        wait.until("the gateway at its new address", lambda: self.status_of("/healthz") == 200)
        feeder.config["gateway"]["listen"] = "off"
        feeder.reload()
        wait.until("the gateway to end", lambda: self.status_of("/healthz") is None)


class ServerStore(Scenario):
    """The gateway where a MarketStore server is the store: it tells how things are, and whom to ask for rows."""

    def setUp(self):
        super().setUp()
        self.server = servers.Small(self.directory / "server")
        self.port = servers.free_port()
        self.start_exchange()
        self.sink = self.feeder(start="2024-03-05T11:00:00Z", store={"type": "server", "url": self.server.url},
                                gateway={"listen": f"'127.0.0.1:{self.port}'"})
        self.sink.start().wait_ready()

    def tearDown(self):
        self.server.stop()  # before its directory goes: it writes there as it ends
        super().tearDown()

    get, status_of = Gateway.get, Gateway.status_of

    def metric(self, name):
        """Not a number, of which no comparison is true, while it is not told yet."""
        told = dict(line.rsplit(" ", 1) for line in self.get("/metrics").splitlines())
        return float(told.get(f"binancefeeder_{name}", "nan"))

    def test_rows_are_asked_of_the_server(self):
        url = f"http://127.0.0.1:{self.port}"
        for method in ("Query", "ListSymbols", "GetInfo", "Write"):
            with self.assertRaisesRegex(remote.RemoteError, f"are kept by the MarketStore server {self.server.url}"):
                remote.call(url, method, requests=[{"destination": "BTCUSDT/1Min/OHLCV"}], format="symbol")
        request = urllib.request.Request(url + "/rpc", b"\xc1", {"Content-Type": "application/x-msgpack"})
        with urllib.request.urlopen(request, timeout=wait.PATIENCE_S) as answer:
            self.assertIn("msgpack", str(msgpack.unpack(answer.read())))
        with self.assertRaises(urllib.error.HTTPError) as refusal:
            self.get("/query?bucket=BTCUSDT/1m")
        with refusal.exception as answer:
            self.assertEqual(answer.code, 501)
            self.assertIn(self.server.url, answer.read().decode())
        wait.until("rows at the server", lambda: len(remote.rows(self.server.url, "BTCUSDT/1Min/OHLCV")[1]) > 60)
        printed = self.sink.run("query", "BTCUSDT/1m", "--csv", "--config", str(self.sink.config_path))[1]
        self.assertGreater(printed.count("\n"), 60)
        self.assertEqual(self.sink.stop(), 0)

    def test_its_pages_say_whether_the_server_is_there(self):
        wait.until("all to be well", lambda: self.status_of("/readyz") == 200)
        wait.until("rows to be counted", lambda: self.metric('rows{kind="bar",interval="1m"}') > 60)
        wait.until("metrics to say so", lambda: self.metric("store_unreachable_seconds") == 0)
        self.assertEqual(json.loads(self.get("/status"))["store"],
                         {"type": "server", "place": self.server.url, "unreachable_since": None})
        self.assertIn(f"MarketStore server {self.server.url}, reachable\n", self.sink.run("status", check=False)[1])
        self.server.stop()
        wait.until("it to be noticed", lambda: self.status_of("/readyz") == 503)
        wait.until("metrics to say so", lambda: self.metric("store_unreachable_seconds") > 0)
        wait.until("bars to wait in the spool", lambda: self.metric("spool_batches") > 0)
        self.assertIn(f"MarketStore server {self.server.url}, unreachable since ", self.sink.run("status", check=False)[1])
        self.assertEqual(self.status_of("/healthz"), 200)
        self.server.start()
        wait.until("all to be well again", lambda: self.status_of("/readyz") == 200)
        self.assertEqual(self.sink.stop(), 0)
