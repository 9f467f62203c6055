"""What lies below."""
