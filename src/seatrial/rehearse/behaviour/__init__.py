"""How Pods behave in a rehearsal: what is said of them, what was seen of them, and what one run makes of it."""
