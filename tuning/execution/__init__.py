"""Where trainings run: in this process, or in processes and on machines of a Dask cluster."""
