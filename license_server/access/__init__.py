"""Who may use the server: accounts, invitations, passwords, sessions, second factors, tokens."""
