"""The protocol's parameters: whole numbers with bounds that only an executed decision changes, each change kept."""
