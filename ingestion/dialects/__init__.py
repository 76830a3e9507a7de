"""The three dialects over HTTP: how requests are cut into events, how answers are worded."""
