"""Charts: a table in, a figure out. Those that poll are ECharts, the others Plotly."""
