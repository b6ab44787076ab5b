"""The New study form: plain data in `draft` and `reading`, one module of widgets a section."""
