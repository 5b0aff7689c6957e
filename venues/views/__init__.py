"""The pages of the deployer's side and of the wallet."""
