"""The Deployment controller, one file per idea."""
