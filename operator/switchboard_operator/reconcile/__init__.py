"""One look at one resource: observe, plan, apply, report. Each step is small and has one file."""
