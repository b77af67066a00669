-- Which of the devices $2 a filter matches, in the order given.
SELECT r.device_id
FROM unnest($2::text[]) WITH ORDINALITY AS i(device_id, place)
JOIN public.device_registry r ON r.tenant_id = $1 AND r.device_id = i.device_id
LEFT JOIN public.device_state s ON s.tenant_id = r.tenant_id AND s.device_id = r.device_id/*joins*/
WHERE true/*where*/
ORDER BY i.place
