"""HTTP as every route has it: the server, its middleware, limits, problem documents and health."""
