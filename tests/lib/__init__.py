# SPDX-License-Identifier: Apache-2.0
"""What scenario tests, the demo and the benchmarks share: the simulated exchange, the feeder, a reader of the store."""
