#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Writes the table of configuration keys into README: packaging/readme-table.py README.md build/bin/binancefeeder"""

import pathlib
import subprocess
import sys

BEGIN, END = "<!-- keys -->", "<!-- /keys -->"


def main():
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    readme, program = pathlib.Path(sys.argv[1]), pathlib.Path(sys.argv[2]).resolve()
    table = subprocess.run([str(program), "check", "--markdown"], check=True, capture_output=True, text=True).stdout
    text = readme.read_text()
    if text.count(BEGIN) != 1 or text.count(END) != 1 or text.index(BEGIN) > text.index(END):
        sys.exit(f"{readme}: the table belongs between one line {BEGIN} and one line {END}")
    head, rest = text.split(BEGIN)
    tail = rest.split(END)[1]
    readme.write_text(f"{head}{BEGIN}\n{table}{END}{tail}")


if __name__ == "__main__":
    main()
