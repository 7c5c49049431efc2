"""The API: JSON over HTTP, versioned."""

PREFIX = "/api/v1"
