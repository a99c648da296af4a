"""The console: pages for people, rendered on the server. No SQL, no store and no rule of access here."""
