"""What each verb does: from a `Call` to an `Answer`, the same for HTTP and for callers in this process."""
