"""The database: the only importer of asyncpg. Row-level security lives in `pool`, SQL in files."""
