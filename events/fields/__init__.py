"""Fields and filters by name: one vocabulary for the API, the admin's lists and search, exports and feeds.

The names come from the declarations of the envelope and the kinds. `vocabulary.py` says which fields a name
means, `conditions.py` reads parameters into conditions, and `sql.py` turns conditions into queries.
"""
