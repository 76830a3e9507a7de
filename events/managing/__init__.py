"""What leads and operators change, in the admin or by API: forms with their rules, and the audit trail."""
