"""What the platform gives to people and programs over HTTP. Stands on the contract."""
