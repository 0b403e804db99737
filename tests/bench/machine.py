# SPDX-License-Identifier: Apache-2.0
"""The machine that the figures are of, in a few lines."""

import os
import pathlib
import platform


def cpu_model():
    for line in pathlib.Path("/proc/cpuinfo").read_text(encoding="ascii").splitlines():
        if line.startswith("model name"):
            return line.split(":", 1)[1].strip()
    return platform.machine()


def file_system(directory):
    """Type and device of what a directory lies on: the longest mount point above it."""
    path, found = str(pathlib.Path(directory).resolve()), ("", "unknown", "")
    for line in pathlib.Path("/proc/self/mounts").read_text(encoding="utf-8").splitlines():
        device, point, kind = line.split()[:3]
        below = path == point or path.startswith(point.rstrip("/") + "/")
        if below and len(point) >= len(found[0]):
            found = point, kind, device
    return f"{found[1]} ({found[2]})"


def load():
    return " ".join(f"{one:.2f}" for one in os.getloadavg())


def lines(directory):
    memory_kib = int(pathlib.Path("/proc/meminfo").read_text(encoding="ascii").split()[1])
    yield f"machine      {cpu_model()}, {len(os.sched_getaffinity(0))} cores, {memory_kib / 1024 ** 2:.1f} GiB"
    yield f"system       {platform.system()} {platform.release()}, {file_system(directory)} in {directory}"
    yield f"load before  {load()} (1, 5, 15 minutes; what else runs here is in every figure)"
