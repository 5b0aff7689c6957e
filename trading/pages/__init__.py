"""Pages of the trader, rendered on the server."""
