"""The subcommands of ``license-server``: a file a noun. Each parses, calls and prints."""
