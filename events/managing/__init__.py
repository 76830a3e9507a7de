"""Changes by leads and operators, in the admin or by API: forms with their rules, and the audit trail."""
