"""Accounts: registration, sign-in, sessions, passwords and second factors."""
