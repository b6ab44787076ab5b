"""Parameters → networks. `size` counts without TensorFlow; `build` makes the Keras model."""
