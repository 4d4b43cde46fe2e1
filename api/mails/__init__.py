"""Mails: their texts (one folder a language), how they are written, and how they are sent."""
