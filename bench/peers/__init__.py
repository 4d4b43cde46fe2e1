"""Other libraries, each in an environment of its own: they pin what the project does not, and none is a dependency of it."""
