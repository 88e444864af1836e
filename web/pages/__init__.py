"""The HTML pages, one module per reader; ``router`` gathers their routes."""
