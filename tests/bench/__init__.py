# SPDX-License-Identifier: Apache-2.0
"""One file per group of figures. Each has TITLE, NOTE (what exactly is measured) and measure(bench), which yields
(figure, value) pairs of text as soon as each is known."""
