"""Live signals: a numbered log in Postgres, relayed to Redis, told to any number of readers by every API process."""
