"""Market makers that trade through the public API with an unmodified ccxt: one for each type of market."""
