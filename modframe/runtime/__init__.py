"""What runs: live, generations, the swap, handles, the app loop. Light to import; see the files."""
