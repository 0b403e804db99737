# SPDX-License-Identifier: Apache-2.0
"""What surrounds the feeder misbehaves: the disk is full, the pipeline loses messages, TLS, a proxy, a refused region."""

import os
import shutil
import signal
import subprocess
import unittest

from tests.lib import interval as grid
from tests.lib import wait
from tests.lib.case import Scenario
from tests.lib.feeder import send

START = "2024-03-05T00:00:00Z"
FROM = "2024-03-05T00:00:00"


class Pipeline(Scenario):
    SYMBOLS = ("BTCUSDT",)

    def wait_until_nobody_asks(self):
        """The pipeline is full: workers hold what they have and ask for no more pages."""
        asked = []

        def quiet():
            asked.append(self.exchange.requests()["klines_requests"])
            return len(asked) > 3 and len(set(asked[-3:])) == 1

        wait.until("the pipeline to be full", quiet, every=0.3)

    def test_messages_lost_in_the_middle_of_a_job(self):
        self.start_exchange()
        feeder = self.feeder(start="2023-09-01T00:00:00Z", backfill={"batch_size": 500}).start().wait_ready()
        for _ in range(3):
            # A stopped reader leaves chunks in nanomsg's buffers; killed, it takes them along.
            stopped = feeder.kill("writer", signal_number=signal.SIGSTOP)
            self.wait_until_nobody_asks()
            send(stopped["pid"], signal.SIGKILL)  # if the supervisor has not lost its patience before
            wait.until("another writer", lambda stopped=stopped: any(
                child["pid"] != stopped["pid"] and child["state"] == "ready" for child in feeder.children("writer")))
        self.wait_equal(feeder, start="2023-09-01T00:00:00", seconds=wait.AFTER_CRASHES_S)


@unittest.skipUnless(os.geteuid() == 0, "only root can mount a small file system")
class FullDisk(Scenario):
    SYMBOLS = ("BTCUSDT",)

    def setUp(self):
        super().setUp()
        self.small = self.directory / "small"
        self.small.mkdir()
        mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=90m", "tmpfs", str(self.small)], check=False,
                                 capture_output=True)
        if mounted.returncode != 0:
            self.skipTest("a small file system cannot be mounted here: " + mounted.stderr.decode().strip())

    def tearDown(self):
        for feeder in self.feeders:
            feeder.kill_everything()
        subprocess.run(["umount", "-l", str(self.small)], check=False)
        super().tearDown()

    def test_nothing_is_acknowledged_while_full_and_it_goes_on_by_itself(self):
        self.start_exchange()
        feeder = self.feeder(start=START, data_directory=self.small / "data", spool={"reserve": "1MiB"})
        feeder.data = self.small / "data"
        feeder.root = feeder.data / "marketstore"
        feeder.start().wait_ready()
        self.wait_equal(feeder, start=FROM)
        filler = self.small / "filler"
        with open(filler, "wb") as file:
            try:
                while True:
                    file.write(b"\0" * 65536)
                    file.flush()
            except OSError:
                pass
        wait.until("the alarm", lambda: "no space left" in feeder.log_path.read_text())
        before = self.exchange.now_us()
        wait.until("five minutes on a full disk", lambda: self.exchange.now_us() > before + 5 * grid.MINUTE)
        filler.unlink()
        self.wait_equal(feeder, start=FROM)
        feeder.alive()


class Endpoints(Scenario):
    SYMBOLS = ("BTCUSDT",)

    def test_tls_with_an_authority_of_our_own(self):
        self.start_exchange(tls_port=0, cert_dir=self.directory)
        feeder = self.feeder(start=START)
        feeder.config["endpoints"] = {"rest": f"https://localhost:{self.exchange.tls_port}",
                                      "stream": f"wss://localhost:{self.exchange.tls_port}",
                                      "ca_file": self.directory / "ca.pem"}
        feeder.write_config()
        feeder.start().wait_ready()
        self.wait_equal(feeder, start=FROM)

    def test_an_unknown_authority_is_refused(self):
        self.start_exchange(tls_port=0, cert_dir=self.directory)
        feeder = self.feeder(start=START)
        feeder.config["endpoints"] = {"rest": f"https://localhost:{self.exchange.tls_port}",
                                      "stream": f"wss://localhost:{self.exchange.tls_port}"}
        feeder.write_config()
        feeder.start()
        wait.until(lambda: "the refusal; " + feeder.tail(), lambda: feeder.alive() and
                   "certificate" in feeder.log_path.read_text())
        self.assertEqual(self.exchange.requests()["requests"], 0)

    def test_a_missing_authority_file_is_waited_for(self):
        self.start_exchange(tls_port=0, cert_dir=self.directory)
        path = self.directory / "elsewhere.pem"
        feeder = self.feeder(start=START)
        feeder.config["endpoints"] = {"rest": f"https://localhost:{self.exchange.tls_port}",
                                      "stream": f"wss://localhost:{self.exchange.tls_port}", "ca_file": path}
        feeder.write_config()
        feeder.start()
        for worker in "stream BTCUSDT", "backfill 1":
            wait.until(lambda: "the complaint; " + feeder.tail(), lambda: feeder.alive() and
                       f"{worker}: endpoints.ca_file: {path}: No such file" in feeder.log_path.read_text())
        shutil.copy(self.directory / "ca.pem", path)
        feeder.wait_ready()
        self.wait_equal(feeder, start=FROM)

    def test_through_a_proxy(self):
        self.start_exchange("--proxy", tls_port=0, cert_dir=self.directory)
        feeder = self.feeder(start=START)
        feeder.config["endpoints"] = {"rest": f"https://localhost:{self.exchange.tls_port}",
                                      "stream": f"wss://localhost:{self.exchange.tls_port}",
                                      "ca_file": self.directory / "ca.pem", "proxy": self.exchange.rest_url}
        feeder.write_config()
        feeder.start().wait_ready()
        self.wait_equal(feeder, start=FROM)

    def test_a_restricted_region_is_explained_with_its_cure(self):
        self.start_exchange()
        self.exchange.fault("http-status", status=451, count=-1)
        feeder = self.feeder(start=START).start()
        wait.until(lambda: "the cure; " + feeder.tail(), lambda: feeder.alive() and
                   "data-api.binance.vision" in feeder.log_path.read_text())
