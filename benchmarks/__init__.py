"""Speed and memory, measured as ratios in one run and as absolute figures. Not tests: nothing here passes or fails."""
