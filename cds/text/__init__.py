"""Reading the French of a request: mentions, their context, measures, and the facts they make."""
