"""The vendor's side: issues licences over HTTP and from the command line."""
