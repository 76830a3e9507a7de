"""What PostgreSQL reads for the statements that are asked most: a table of them, and what each is held to."""
