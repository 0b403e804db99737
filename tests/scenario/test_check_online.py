# SPDX-License-Identifier: Apache-2.0
"""`check --online`: what the endpoints that a configuration names say about it, one line per check."""

import datetime

from tests.lib.case import Scenario
from tests.lib.servers import free_port


class CheckOnline(Scenario):
    SPEED = 1
    SYMBOLS = ("BTCUSDT", "ETHUSDT", "LUNAUSDT:BREAK")

    def start_exchange(self, *flags, **options):
        """Its clock is this host's unless it is told otherwise."""
        now = datetime.datetime.now(datetime.timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")
        return super().start_exchange(*flags, **{"start": now, **options})

    def check(self, *symbols, **keys):
        """Returns the exit code, the lines of the checks, and all of stdout."""
        feeder = self.feeder(symbols=symbols or ["BTCUSDT", "ETHUSDT"], **keys)
        code, out, err = feeder.run("check", "--online", str(feeder.config_path), check=False)
        return code, [line for line in err.splitlines() if line.startswith(("ok ", "wrong "))], out

    def wrong(self, code, lines):
        """The one line that is wrong."""
        found = [line for line in lines if line.startswith("wrong ")]
        self.assertEqual((code, len(found)), (1, 1), lines)
        return found[0]

    def test_all_is_well(self):
        self.start_exchange()
        before = self.exchange.requests()["requests"]
        code, lines, out = self.check()
        self.assertEqual(code, 0, lines)
        self.assertEqual([line.split(":")[0] for line in lines],
                         ["ok     REST", "ok     clock", "ok     request limit", "ok     symbols", "ok     streams"])
        self.assertIn("6,000 a minute, of which up to 5,400", lines[2])
        self.assertIn("2 of 2 are known and trade", lines[3])
        self.assertIn("data_directory:", out)
        self.assertEqual(self.exchange.requests()["requests"] - before, 2)

    def test_an_unknown_symbol_is_told_with_the_nearest_name(self):
        self.start_exchange()
        code, lines, _ = self.check("BTCUSDT", "ETHUSD")
        self.assertIn("has no symbol ETHUSD; near it: ETHUSDT", self.wrong(code, lines))
        self.assertIn("1 of 2 are known and trade", lines[4])

    def test_a_symbol_that_does_not_trade_is_told(self):
        self.start_exchange()
        code, lines, _ = self.check("LUNAUSDT", "BTCUSDT")
        self.assertIn("LUNAUSDT does not trade at present (break)", self.wrong(code, lines))

    def test_a_restricted_region_is_told_once_with_its_cure(self):
        self.start_exchange()
        self.exchange.fault("http-status", status=451, count=-1)
        code, lines, _ = self.check()
        line = self.wrong(code, lines)
        for part in "HTTP 451", "endpoints.proxy", "https://data-api.binance.vision", "wss://data-stream.binance.vision":
            self.assertIn(part, line)
        self.assertEqual(self.exchange.json("/control/faults")["hits"]["http-status"], 1)

    def test_a_limit_that_is_used_up_is_told_with_its_end(self):
        self.start_exchange()
        self.exchange.fault("rate-limit", seconds=30)
        code, lines, _ = self.check()
        line = self.wrong(code, lines)
        self.assertRegex(line, r"HTTP 429\) for another (29|30|31) s")
        self.assertIn("lower rate_limit.utilization", line)
        self.assertEqual(self.exchange.requests()["sent_429"], 1)

    def test_hosts_that_do_not_answer_are_told_each(self):
        self.start_exchange()
        port = free_port()
        code, lines, _ = self.check(endpoints={"rest": f"http://127.0.0.1:{port}", "stream": f"ws://127.0.0.1:{port}"})
        self.assertEqual(code, 1)
        self.assertEqual(len(lines), 2, lines)
        for line, what in zip(lines, ("REST", "streams")):
            self.assertRegex(line, f"^wrong  {what}: .*:{port} cannot be reached .*endpoints.proxy")

    def test_a_clock_that_is_off_is_told(self):
        self.start_exchange(start="2024-03-05T12:00:00Z")
        code, lines, _ = self.check()
        self.assertRegex(self.wrong(code, lines), "clock: this host's is .* ahead of the exchange's: set it")

    def test_tls_and_proxy_are_those_of_the_configuration(self):
        self.start_exchange("--proxy", tls_port=0, cert_dir=self.directory)
        url = f"localhost:{self.exchange.tls_port}"
        endpoints = {"rest": f"https://{url}", "stream": f"wss://{url}", "proxy": self.exchange.rest_url}
        code, lines, _ = self.check(endpoints={**endpoints, "ca_file": self.directory / "ca.pem"})
        self.assertEqual(code, 0, lines)
        self.assertIn(f"by the proxy {self.exchange.rest_url}", lines[0])
        code, lines, _ = self.check(endpoints=endpoints)
        self.assertEqual(code, 1)
        for line, what in zip(lines, ("REST", "streams"), strict=True):
            self.assertRegex(line, f"^wrong  {what}: .* is not trusted .*check this host's clock, endpoints.ca_file")

    def test_a_store_server_is_asked(self):
        self.start_exchange()
        url = f"http://127.0.0.1:{free_port()}"
        code, lines, _ = self.check(store={"type": "server", "url": url})
        self.assertRegex(self.wrong(code, lines), f"^wrong  store: the store server {url} cannot be reached.*store.url")

    def test_mistakes_in_the_file_come_first(self):
        self.start_exchange()
        code, lines, _ = self.check(timeframe="7m")
        self.assertEqual((code, lines), (78, []))
        self.assertEqual(self.exchange.requests()["requests"], 0)
