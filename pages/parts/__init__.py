"""What pages share: links, words, values as words, and small pieces of screen."""
