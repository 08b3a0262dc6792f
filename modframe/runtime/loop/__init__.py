"""The app loop, and how it runs module code: bounds, threads, breaking out of what hangs."""
