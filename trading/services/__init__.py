"""What the trader's side does. Doors call these; nothing here knows of HTTP or of a dialect."""
