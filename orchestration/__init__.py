"""Dagster definitions: assembly, resources, partitions, sensors, schedules, jobs."""
