"""The face for programs: JSON over HTTP, versioned."""

PREFIX = "/api/v1"
