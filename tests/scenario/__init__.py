# SPDX-License-Identifier: Apache-2.0
"""Scenarios: the real processes against the simulated exchange; each ends by comparing the store with its ledger."""
