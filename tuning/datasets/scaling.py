"""Fill and scale the inputs with what the training rows alone say."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class Scaler:
    """Fills gaps with the median of each column, then standardises it.

    Fitted on the training rows of one fold: rows the model is later judged on would leak into
    training and make the score look better than it is [1]_. A Keras ``Normalization`` layer
    made with ``mean`` and ``variance=scale**2`` does the same to rows without gaps.

    Attributes
    ----------
    fill : ndarray of shape (n_columns,)
        Median of each column, in the units of the dataset; 0 where a column is empty.
    mean, scale : ndarray of shape (n_columns,)
        In the units of the dataset; 0 and 1 throughout where nothing is scaled. The scale of a
        constant column is 1, so that it becomes 0 instead of NaN.

    All three are of shape (0,) for images, which pass through: their pixels are already
    between 0 and 1.

    References
    ----------
    .. [1] Hastie, Tibshirani and Friedman, *The Elements of Statistical Learning*,
       2nd ed. (2009), section 7.10.2.
    """

    fill: NDArray[np.float32]
    mean: NDArray[np.float32]
    scale: NDArray[np.float32]

    @classmethod
    def fit(cls, features: NDArray[np.float32], *, scale: bool = True) -> Scaler:
        """Learn fill, mean and scale from the training rows.

        Parameters
        ----------
        features : ndarray of shape (n_train, n_columns) or (n_train, height, width, channels)
            The training rows of a fold; tables may have gaps (NaN).
        scale : bool
            Whether to standardise; gaps are filled in any case.
        """
        if features.ndim > 2:
            nothing = np.empty(0, dtype=np.float32)
            return cls(nothing, nothing, nothing)
        fill = _medians(features)
        filled = np.where(np.isnan(features), fill, features)
        if not scale:
            return cls(fill, np.zeros_like(fill), np.ones_like(fill))
        mean = filled.mean(axis=0, dtype=np.float64)
        spread = filled.std(axis=0, dtype=np.float64)
        constant = filled.max(axis=0) == filled.min(axis=0)
        # Rounding may leave a constant column a tiny spread; its value is its mean exactly.
        mean[constant] = filled[0, constant]
        spread[constant] = 1.0
        return cls(fill, mean.astype(np.float32), spread.astype(np.float32))

    def transform(self, features: NDArray[np.float32]) -> NDArray[np.float32]:
        """Fill and scale any rows of the dataset; images come back as they are.

        Returns
        -------
        ndarray of the same shape
            float32. Where scaled: dimensionless, with mean 0 and standard deviation 1 in each
            column of the training rows.
        """
        if not self.mean.size:
            return features
        filled = np.where(np.isnan(features), self.fill, features)
        return ((filled - self.mean) / self.scale).astype(np.float32)


def _medians(features: NDArray[np.float32]) -> NDArray[np.float32]:
    empty = np.isnan(features).all(axis=0)
    medians = np.zeros(features.shape[1], dtype=np.float32)
    medians[~empty] = np.nanmedian(features[:, ~empty], axis=0)
    return medians
