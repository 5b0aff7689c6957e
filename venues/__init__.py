"""The deployer's side: deployers, stakes, assets, venues and their markets."""
