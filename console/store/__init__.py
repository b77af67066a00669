"""The database: the only package that imports asyncpg. Row-level security is in `pool`, SQL in files."""
