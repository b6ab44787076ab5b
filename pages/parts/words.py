"""The words a newcomer may not know, each with the one text that explains it."""

from __future__ import annotations

from collections.abc import Mapping

HELP: Mapping[str, str] = {
    "study": "One search: data, network, settings to try, how they are judged.",
    "trial": "One set of settings and its score.",
    "fit": "One trial trained once, on one fold of one repeat.",
    "fold": "The rows are split in k parts; each is the judge once while the others train.",
    "repeat": "All folds again with another split and other starting weights.",
    "score": "What trials are ranked by: the mean over folds and repeats.",
    "spread": "± : standard deviation over the fits of a trial.",
    "leader": "The trial with the best score so far. Being first is not yet being better.",
    "validation_rows": "Rows that judge a trial. They are used many times, so the best score "
    + "is a little too good.",
    "test_rows": "Rows no trial ever sees.",
    "guessing": "What you get by always answering the most common class (or the mean).",
    "epoch": "One pass over all training rows.",
    "batch_size": "Rows per step. Small: noisy and slow; large: smooth and quick.",
    "learning_rate": "Size of a step. Usually searched on a log range from 0.0001 to 0.1.",
    "momentum": "Keeps going in the last direction. Only SGD and RMSprop use it.",
    "dropout_rate": "Switches off part of the units at random while training; works against "
    + "overfitting.",
    "max_norm": "Keeps the weights of a unit below a length.",
    "kernel_initializer": "How the weights are drawn before training.",
    "sampler": "Decides which settings to try next.",
    "pruner": "Cuts a trial that is clearly behind.",
    "importance": "How much of the difference in scores a setting explains.",
    "target": "The column that is predicted.",
    "task": "What is predicted: yes or no, one of several classes, or a number.",
    "best": "Score of the leader. ± : standard deviation over the fits of a trial.",
    "took": "Time from the first fit to the end.",
    "trained_by": "Many fits at once: dense networks share one computation. Epochs as one "
    + "graph: convolutional networks, a few side by side. Model.fit: Keras' own loop.",
    "worker_log": "JSON lines with the time in UTC. Of a long log the last 1 to 2 MB are kept.",
    "worker": "The process that trains. It goes on when you close the browser.",
}
