"""What a person meets at the terminal: faults in words, reports in three forms, and how a stage runs an act."""
