"""What every connector promises, tested once for all of them."""
