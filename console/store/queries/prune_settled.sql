-- The worker's right is to call this function; its rule stands in the migrations. $1 the first block, $2 how many.
SELECT pruned, next_block, refused FROM device_console.prune_settled($1::bigint, $2::integer)
