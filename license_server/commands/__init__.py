"""The nouns of ``license-server``: a file for each."""
