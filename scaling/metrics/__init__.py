"""One module a metric: `measure(run)` returns the numbers of one row (section 2)."""
