"""Reading the results: tables and sentences, without screens and without TensorFlow."""
