"""The computation layer: pure state machines over bars. No store, no clock, no global."""
