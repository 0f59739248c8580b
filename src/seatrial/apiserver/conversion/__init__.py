"""Objects between the form they are stored in and the old group versions that clients see."""
