"""Doors of programs: what deployers run a venue with, and the signed events of providers of checks."""
