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
    "spread": "± : half of the 95 % interval of the mean. More repeats make it smaller.",
    "leader": "The trial with the best score so far. Being first is not yet being better.",
    "tied": "The difference to the leader on the same folds may well be chance.",
    "cheapest": "As good as the leader as far as anyone can tell, with the fewest weights; of "
    + "several, the quickest to train.",
    "rank": "By score. Trials that cannot be told from the leader share the first ranks.",
    "gap": "Score of the trial less that of the leader, fold by fold on the same folds, so "
    + "that easy and hard folds cancel out.",
    "tie": "Tied: may be as good as the leader, by the interval of the gap. Confirmed: still "
    + "so after fresh repeats. Not compared: it failed, was cut, or lacks a fit.",
    "diagnosis": "What the loss curves say, mean over the fits. Overfits after 31: loss on "
    + "training rows still falls, on validation rows it rises since epoch 31.",
    "more_repeats": "Trains this trial on fresh splits until it has 10 repeats. The ± shrinks, "
    + "and a lucky score falls back.",
    "rope": "Two trials that differ by no more than this are practically equal.",
    "probable": "By a correlated t test on the same folds. Where the study has 20 trials or "
    + "more, differences are pulled together as far as its scores vary by chance alone.",
    "luck": "How good the best of as many equally good trials would look, given the noise of "
    + "the scores. A best score that is not beyond the dotted line may be luck alone.",
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
    "effects": "How much of the differences in scores goes with a setting alone, less what "
    + "chance gives; and how much with all it acts together with, learned by trees.",
    "best_in_common": "How far the values of the best tenth of the trials differ from those "
    + "of all trials, beside what as many trials picked by chance would show.",
    "honest_score": "For each fold, the best trial of the other folds is scored on it. A lucky "
    + "winner falls back, as it would on new data.",
    "more_trials": "What the last doubling of the trials has gained on rows that did not "
    + "choose the winner. Its ± is one-sided, at 90 %.",
    "what_if": "Trees learn what was tried. The interval is made of their errors on trials "
    + "they had not seen.",
    "model_file": "Trained with the leader's settings on all rows but the test rows.",
    "sealed_test": "Rows no trial ever sees. Opened once, at the end, for one honest number.",
    "confirm": "Runs the leaders again on new splits, up to 10 repeats. A winner by luck falls "
    + "back here.",
    "include_default": "Shows whether searching paid off. Costs one trial if the grid does not "
    + "contain them.",
    "smallest_difference": "A smaller difference in the score does not count. Empty: 0.01; for "
    + "losses 1 % of what the default settings score.",
    "budget": "Proposes what to leave out so that the search ends in time, and says what that "
    + "costs.",
    "refine_here": "Adds the finer values to the grid of that study and lets it go on.",
    "printed": "With older networks, another Keras and other machines; some scored the rows "
    + "they had trained with. So it is context, not a bar to clear.",
    "starting": "Settings that somebody has chosen; they are tried before the sampler chooses.",
    "try_leader": "One more trial, with the settings of the trial that leads that study. On "
    + "other folds another one may lead.",
    "target": "The column that is predicted.",
    "task": "What is predicted: yes or no, one of several classes, or a number.",
    "best": "Score of the leader. ± : half of its 95 % interval.",
    "verdict": "Whether the leader is really better, or may only have been lucky.",
    "took": "Time from the first fit to the end.",
    "trained_by": "Many fits at once: dense networks share one computation. Epochs as one "
    + "graph: convolutional networks, a few side by side. Model.fit: Keras' own loop.",
    "worker_log": "JSON lines with the time in UTC. Of a long log the last 1 to 2 MB are kept.",
    "layer_output": "Shape of what the layer gives for one row.",
    "norm": "Root of the sum of squares of all weights, without biases.",
    "calibration": "Of the rows to which the model gives 70 %, about 70 % should be the class. "
    + "Below the line it promises too much, above it too little.",
    "picture": "What the camera above a chart saves: PNG for slides, SVG to be changed.",
    "three_methods": "fANOVA: share of what a forest of trees foretells over the whole search "
    + "space. PED-ANOVA: how far the best tenth of the trials differ from all. Effect alone: "
    + "share of the differences in scores, less what chance gives.",
    "note": "Markdown: lists, bold, code, links to the web. All who see the study see it.",
    "tag": "Short words to find studies by: letters, digits, - _ + and . only.",
    "star": "Marks what you want to find again; the same for all who look.",
    "starred": "Studies that have a star, or a trial with one.",
    "best_so_far": "The best score among the trials that had finished by then. It is a little "
    + "too good, the more so the more trials there were.",
    "same_folds": "Score less that of the first one, fold by fold on the same folds.",
    "worker": "The process that trains. It goes on when you close the browser.",
}
