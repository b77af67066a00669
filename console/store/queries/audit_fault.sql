-- What the audit log would say against a row; empty when nothing, null where there is none.
SELECT device_console.audit_fault()
