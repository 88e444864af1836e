"""What a patient reads of a request: its words in each language, what the page says, and the token that opens it."""
