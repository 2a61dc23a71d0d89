"""What should happen: pure decisions from declared and observed facts."""
