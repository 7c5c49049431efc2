"""The customer portal: links that lead into it, who came in, and what a customer may do there."""
