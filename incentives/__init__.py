"""Rewards and penalties. A later chapter: so far only its place among the floors is fixed."""
