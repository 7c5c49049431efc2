"""The face for programs: JSON over HTTP, versioned."""
