"""What keeps tenants apart."""

from tests.removals import Removal

REMOVALS = (
    Removal(
        "G22",
        "the role that row-level security binds",
        "console/store/pool.py",
        "async with self._session(self.access.operator_role, tenant_id) as connection:",
        'async with self._session("none", tenant_id) as connection:',
        "tests/store/test_tenancy.py::test_an_operator_may_not",
    ),
)
