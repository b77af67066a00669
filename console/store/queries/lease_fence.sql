-- Fail unless this lease still holds; until the end of the transaction nobody takes it over.
SELECT device_console.fence($1)
