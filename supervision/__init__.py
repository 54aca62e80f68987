"""The supervisor's work: inspections, data requests, enforcement cases, market-wide reports."""
