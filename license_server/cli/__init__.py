"""The subcommands of ``license-server``, a file for each noun: parse, call, print."""
