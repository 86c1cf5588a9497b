"""Where events go: a log, a count, a web address, a program. Each module holds one listener for `Vault.subscribe`."""
