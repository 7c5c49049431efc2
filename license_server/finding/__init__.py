"""What is found by any part of it: names, hostnames, numbers of contracts, notes and reasons."""
