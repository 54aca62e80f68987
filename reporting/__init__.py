"""Report machinery: catalogue, runs, files and filing. Knows the content of no report."""
