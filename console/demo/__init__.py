"""The demo's invented tenants, and large histories for tests of scale."""
