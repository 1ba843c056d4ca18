"""Schema, engines and every query. Nothing outside this folder writes SQL."""
