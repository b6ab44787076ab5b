"""Training: one interface, and the trainers behind it; only they import TensorFlow."""
