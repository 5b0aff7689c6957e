"""The trader's side: accounts, orders, history, live feeds and the public API."""
