"""What would mend an update that hangs, as things that can be done as they are. Pure; trying.py rehearses them."""
