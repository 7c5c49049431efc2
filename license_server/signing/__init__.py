"""Keys and what they sign: keysets, roots, revocation lists, and the signers."""
