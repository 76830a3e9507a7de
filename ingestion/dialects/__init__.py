"""The three dialects as they are spoken over HTTP: how requests are cut into events, how answers are worded."""
