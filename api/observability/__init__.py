"""What the processes tell of themselves: redaction of secrets, logs of libraries, traces."""
