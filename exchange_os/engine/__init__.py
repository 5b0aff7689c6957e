"""The engine: the runtime around one kernel per risk group."""
