"""Who may use the server: users, passwords, second factors, sessions and API tokens."""
