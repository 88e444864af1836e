"""The signed request as a PDF: its template, what composes it, what makes a text fit for print."""
