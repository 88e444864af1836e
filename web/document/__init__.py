"""The signed request as a document: what it says, and its PDF."""
