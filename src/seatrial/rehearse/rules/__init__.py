"""What a rehearsal warns of, and what it calls the causes of a hang: one small pure function for each rule."""
