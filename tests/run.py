#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Runs the unit tests (cmocka programs), the scenario tests (tests/scenario) and those with MarketStore's own clients
(tests/interop), a few at a time, each in a process of its own with a deadline, and ends with `N passed, N failed, N skipped`.

    tests/run.py [--build DIR] [--jobs N] [unit] [scenario] [interop] [NAME ...]
"""

import argparse
import concurrent.futures
import os
import pathlib
import re
import subprocess
import sys
import time
import unittest

ROOT = pathlib.Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

# Only what hangs runs into them: what is waited for in a test has deadlines of its own (tests/lib/wait.py).
UNIT_DEADLINE_S = 900
SCENARIO_DEADLINE_S = 1800


class Result:
    def __init__(self, name, passed, failed, skipped, seconds, output):
        self.name, self.passed, self.failed, self.skipped = name, passed, failed, skipped
        self.seconds, self.output = seconds, output


def run(command, name, deadline_s, environment):
    begun = time.monotonic()
    try:
        done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace",
                              timeout=deadline_s, cwd=ROOT, env=environment, check=False)
        return done.returncode, done.stdout, time.monotonic() - begun
    except subprocess.TimeoutExpired as late:
        output = (late.stdout or b"").decode(errors="replace")
        return 1, output + f"\n{name} did not end within {deadline_s} s\n", time.monotonic() - begun


def run_unit(program, environment):
    code, output, seconds = run([str(program)], program.name, UNIT_DEADLINE_S, environment)
    passed = len(re.findall(r"^\[       OK \]", output, re.M))
    failed = len(re.findall(r"^\[  FAILED  \] [^0-9]", output, re.M)) // 2
    skipped = len(re.findall(r"^\[  SKIPPED \] [^0-9]", output, re.M)) // 2
    if code != 0 and failed == 0:
        failed = 1  # it crashed, or a sanitizer spoke
    return Result(program.name, passed, failed, skipped, seconds, output)


def run_scenario(identity, environment):
    code, output, seconds = run([sys.executable, "-m", "unittest", "-v", identity], identity, SCENARIO_DEADLINE_S,
                                environment)
    skipped = code == 0 and "skipped=1" in output
    return Result(identity.removeprefix("tests.scenario."), int(code == 0 and not skipped), int(code != 0),
                  int(skipped), seconds, output)


def scenario_identities():
    def walk(suite):
        for item in suite:
            if isinstance(item, unittest.TestSuite):
                yield from walk(item)
            else:
                yield item.id()
    return list(walk(unittest.defaultTestLoader.discover(str(ROOT / "tests" / "scenario"), top_level_dir=str(ROOT))))


def run_interop(module, python, environment):
    """A module in one process, for its tests share a store. Without the Python clients it is skipped as a whole."""
    name = f"interop.{module}"
    if not os.access(python, os.X_OK):
        return Result(name, 0, 0, 1, 0, f"skipped: the Python clients are not installed: packaging/venv.sh {python.parents[1]}")
    code, output, seconds = run([str(python), "-m", "unittest", "-v", f"tests.interop.{module}"], name,
                                SCENARIO_DEADLINE_S, environment)
    ran = int((re.findall(r"^Ran (\d+) tests?", output, re.M) or ["0"])[-1])
    counts = {kind: int(count) for kind, count in re.findall(r"(failures|errors|skipped)=(\d+)", output)}
    skipped = counts.get("skipped", 0)
    failed = len(re.findall(r"^test_\w+ .*\.\.\. .*(?:FAIL|ERROR)$", output, re.M)) or int(code != 0 and not skipped)
    return Result(name, max(ran - failed - skipped, 0), failed, skipped, seconds, output)


def interop_modules():
    return sorted(path.stem for path in (ROOT / "tests" / "interop").glob("test_*.py"))


def chosen(name, wanted):
    return not wanted or any(part in name for part in wanted)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--build", default="build")
    parser.add_argument("--jobs", type=int, default=3 * (os.cpu_count() or 2),
                        help="at a time; most of them wait most of the time")
    parser.add_argument("names", nargs="*", help="unit, scenario, interop, or parts of test names")
    options = parser.parse_args()
    build = pathlib.Path(options.build).resolve()
    every = {"unit", "scenario", "interop"}
    kinds = every & set(options.names) or every
    wanted = [name for name in options.names if name not in every]
    environment = dict(os.environ, BF_BUILD=str(build), PYTHONDONTWRITEBYTECODE="1",
                       UBSAN_OPTIONS="print_stacktrace=1:halt_on_error=1")

    results = []
    with concurrent.futures.ThreadPoolExecutor(options.jobs) as pool:
        futures = []
        if "unit" in kinds:
            futures += [pool.submit(run_unit, program, environment) for program in sorted(build.glob("tests/test_*"))
                        if os.access(program, os.X_OK) and program.is_file() and chosen(program.name, wanted)]
        if "scenario" in kinds:
            futures += [pool.submit(run_scenario, identity, environment) for identity in scenario_identities()
                        if chosen(identity, wanted)]
        if "interop" in kinds:
            futures += [pool.submit(run_interop, module, build / "venv" / "bin" / "python", environment)
                        for module in interop_modules() if chosen(f"interop.{module}", wanted)]
        for future in concurrent.futures.as_completed(futures):
            result = future.result()
            results.append(result)
            word = "FAILED" if result.failed else "skipped" if result.skipped and not result.passed else "ok"
            print(f"{word:8}{result.name} ({result.seconds:.1f} s)", flush=True)
            if result.failed:
                print(result.output, flush=True)
            elif result.skipped:
                for line in re.findall(r"skipped '(.*)'|^skipped: (.*)$", result.output, re.M):
                    print(f"        because {' '.join(line).strip()}", flush=True)

    passed, failed, skipped = (sum(getattr(result, kind) for result in results)
                               for kind in ("passed", "failed", "skipped"))
    print(f"\n{passed} passed, {failed} failed, {skipped} skipped")
    return 1 if failed or passed == 0 else 0


if __name__ == "__main__":
    sys.exit(main())
