"""Demonstration and real input: the seeded demo, its living order flow, and the replay of recorded order events.

Wiring layer: it may use every app, and nothing imports it. All order flow goes through the public API like any
client's; only accounts, funds, venues and keys are made through the public services.
"""
