"""The parts of the study page: header, five tabs, and what they read."""
