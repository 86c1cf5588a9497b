"""Where grants live: in memory, or in `vault.db`, sealed. Adapters of `GrantStore`; nothing here knows HTTP or people."""
