"""Fault injection against a whole live stack, and the oracle that says whether anything acknowledged was lost.

Wiring layer: a private stack (database, broker, web server, two engine workers, default worker, beat) trades under
seeded clients while one fault strikes; then the journal is audited against everything the clients were told.
"""
