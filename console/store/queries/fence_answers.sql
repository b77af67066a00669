-- As lease_fence, and whether any answer is kept.
SELECT device_console.fence_answers($1)
