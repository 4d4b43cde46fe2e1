"""The OpenAPI description as a file, and the Python client made from it."""
