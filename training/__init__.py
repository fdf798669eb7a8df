"""Onboarding, courses, drills. A later chapter: so far only its place among the floors is fixed."""
