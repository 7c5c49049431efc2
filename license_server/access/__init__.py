"""Who may use the server: accounts, invitations, passwords, sessions, one-time codes, API tokens."""
