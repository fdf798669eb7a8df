"""Live updates: the browser is told which record changed, never what is in it. See docs/running.md, "Live updates"."""
