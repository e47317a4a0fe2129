"""How fast the app is beside yardsticks: `python3 dev.py bench`."""
