"""What the HTTP services of a hub host share. Their images copy this package in; none has its own of these things."""
