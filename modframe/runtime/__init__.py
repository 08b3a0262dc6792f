"""What runs: Live, generations, changes, handles and the app loop. Imports nothing by itself."""
