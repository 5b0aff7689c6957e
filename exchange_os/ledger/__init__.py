"""The ledger: double entry for everything outside a risk group."""
