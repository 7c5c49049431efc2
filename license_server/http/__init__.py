"""HTTP common to all routes: server, middleware, limits, problem documents, health."""
