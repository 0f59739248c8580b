"""RBD images: stores, locks, watchers, and the plugin that mounts them."""
