"""What is Stripe's own, beyond the contract of any connector."""
