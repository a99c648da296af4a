"""The console, driven in Chromium over a hub with a small city."""
