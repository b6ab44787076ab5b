"""What a person sees: the only package that imports streamlit or plotly."""

VERSION = "0.1.0"
