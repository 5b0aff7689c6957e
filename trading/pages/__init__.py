"""Pages of traders: markets, venues, the terminal, API keys."""
