"""The demo's invented tenants, and big histories for trials of scale."""
