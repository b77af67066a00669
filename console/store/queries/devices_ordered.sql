-- These devices in an order whose value is looked up for each of them. $2 their ids; equal ones keep their order.
SELECT i.device_id
FROM unnest($2::text[]) WITH ORDINALITY AS i(device_id, place)
ORDER BY /*order*/i.place
