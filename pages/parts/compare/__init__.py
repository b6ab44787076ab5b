"""What the page that puts studies and trials side by side is made of."""
