"""Reports: what one says (``model``), and the files that say it (``pdf``, ``docx``, ``xlsx``)."""
