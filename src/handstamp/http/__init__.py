"""HTTP: the adapters that put protocol steps on the wire."""
