"""What is known of a person is erased: when they ask for it, or once it is old."""
