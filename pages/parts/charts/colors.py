"""Colours of marks: each is readable on the light and on the dark ground."""

from __future__ import annotations

LEADER = "#3B7DE0"
SECOND = "#D0712A"
RUNNING = "#3B94B2"
NEUTRAL = "#7F8A99"
CONTEXT = "rgba(127,138,153,0.45)"
BAND = "rgba(127,138,153,0.16)"
LEADER_BAND = "rgba(59,125,224,0.18)"
HIGHLIGHTS = ("#1E9673", "#8F6BC2", "#B0892F", "#D4504A", "#4FA3C7", "#A5673F", "#6C8F3C")

# Better is always the strong end; middle greys stay apart from both grounds.
SEQUENTIAL = ("#DCE8FB", "#A0BFEB", "#5E90DA", "#285FB8", "#0A2F75")

# Of dots, from light to strong; both ends are seen on both grounds, which fills need not be.
STRONGER = ("#8D98A7", "#5F88CC", "#2F6FD8")
BAD = "#D4504A"
PRUNED = "#8F6BC2"
